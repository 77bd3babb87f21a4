/** Everything but the doors, for one command where no server runs. */

import type { Operations } from "../../doors/back-office/operations.ts";
import type { House } from "../../doors/back-office/ports.ts";
import type { World } from "../application.ts";
import { readBuild } from "../build.ts";
import type { Log } from "../log.ts";
import type { Settings } from "../settings/settings.ts";
import { type Core, composeCore } from "./core.ts";
import { clientUrl, composeOperations } from "./operations.ts";

export type WithoutDoors = {
  readonly operations: Operations;
  /** Gives the data folder back. */
  readonly close: () => Promise<void>;
};

/** For one command: the data folder is taken, and no door opened. Throws what is wrong with either. */
export async function composeWithoutDoors(
  settings: Settings,
  log: Log,
  world?: World,
): Promise<WithoutDoors> {
  const core = await composeCore(settings, log, world);
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
