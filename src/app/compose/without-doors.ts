/** Everything but the doors, for one command where no server runs. */

import type { Operations } from "../../doors/back-office/operations.ts";
import type { House } from "../../doors/back-office/ports.ts";
import { readBuild } from "../build.ts";
import { createLog, type Log } from "../log.ts";
import { secretsOf } from "../settings/redact.ts";
import type { Settings } from "../settings/settings.ts";
import { type Core, composeCore } from "./core.ts";
import { clientUrl, composeOperations } from "./operations.ts";

export type WithoutDoors = {
  readonly operations: Operations;
  /** Gives the data folder back. */
  readonly close: () => Promise<void>;
};

/** For one command: the data folder is taken, and no door opened. Throws what is wrong with either. */
export async function composeWithoutDoors(settings: Settings): Promise<WithoutDoors> {
  const core = await composeCore(settings, warnings(settings));
  try {
    await core.cache.load();
    const house = houseWithoutDoors(core);
    const operations = composeOperations({ core, house, dashboardLink: () => undefined });
    return { operations, close: core.close };
  } catch (error) {
    await core.close();
    throw error;
  }
}

/** What goes wrong beside the command's answer. */
function warnings(settings: Settings): Log {
  return createLog({
    ...{ level: "error", format: "pretty", hasColours: false, secrets: secretsOf(settings) },
    write: (line) => void process.stderr.write(line),
  });
}

function houseWithoutDoors({ cache, store, settings }: Core): House {
  return {
    health: () => ({ phase: "stopped", degraded: [...cache.degraded(), ...store.degraded()] }),
    build: readBuild(),
    isReloaded: () => true,
    settings: () => [],
    requestsInFlight: () => ({}),
    clientUrl: () => clientUrl(settings),
    dashboardUrl: () => undefined,
    connections: async () => ({}),
    downloads: () => [],
    kept: cache.kept,
    disk: cache.disk,
    nextToGo: cache.nextToGo,
    certificates: () => new Map(),
  };
}
