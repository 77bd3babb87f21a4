/** The back office: who may ask it, where it listens, and what it is told of this house. */
import { join } from "node:path";
import { BackOffice } from "../../doors/back-office/back-office.ts";
import { Gate } from "../../doors/back-office/gate.ts";
import type { House } from "../../doors/back-office/ports.ts";
import { Sessions } from "../../doors/back-office/sessions.ts";
import { type Health, readiness } from "../../doors/front-page/health.ts";
import { formatHostPort, parseHostPort } from "../../protocol/http/host-port.ts";
import type { RegistryEngine } from "../../registry/engine.ts";
import { readBuild } from "../build.ts";
import { isOnLoopback } from "../settings/derived.ts";
import type { Core } from "./core.ts";
import type { Doors } from "./doors.ts";
import { clientUrl, composeOperations } from "./operations.ts";

export type BackOfficeParts = {
  readonly core: Core;
  readonly engine: RegistryEngine;
  readonly doors: Doors;
  readonly health: () => Health;
  readonly state: { readonly isReloaded: boolean };
};

/** Throws DoorError LISTEN. */
export async function openBackOffice(parts: BackOfficeParts): Promise<BackOffice> {
  const { core } = parts;
  const { settings, figures, now, log } = core;
  const { adminHost, adminPort, adminToken, adminReadToken, adminHosts } = settings.listen;
  const sessions = new Sessions(now);
  const gate = new Gate({
    isLocal: isOnLoopback(adminHost),
    token: adminToken,
    readToken: adminReadToken,
    hosts: [...adminHosts, ...ownName(adminHost)],
    sessions,
  });
  const office: BackOffice = await BackOffice.open({
    gate,
    address: adminPort === 0 ? undefined : { host: adminHost, port: adminPort },
    readiness: () => readiness(parts.health()),
    socketPath: join(settings.files.dataDir, "control.sock"),
    load: async () => {
      const { openPages } = await import("../../doors/back-office/pages.ts");
      const house = composeHouse(parts, () => office);
      const dashboardLink = () => ({
        path: `/login?link=${sessions.offer()}`,
        url: house.dashboardUrl(),
      });
      const operations = composeOperations({ core, house, dashboardLink });
      return openPages({ figures, house, operations, sessions, now });
    },
    onError: (sentence, error) => {
      const why = error instanceof Error ? error.message : String(error);
      log.note("error", sentence, { error: why });
    },
  });
  return office;
}

/** Where it listens the operator has said; of all addresses only loopback is sure to be this machine. */
function ownName(adminHost: string): readonly string[] {
  if (isEveryAddress(adminHost)) return [];
  const named = parseHostPort(formatHostPort({ host: adminHost, port: 80 }));
  return named === undefined ? [] : [named.host];
}

function isEveryAddress(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function composeHouse(parts: BackOfficeParts, office: () => BackOffice): House {
  const { core, engine, doors, state } = parts;
  const { cache } = core;
  return {
    ...{ health: parts.health, build: readBuild() },
    settings: () => core.written,
    isReloaded: () => state.isReloaded,
    requestsInFlight: () => engine.underway,
    clientUrl: () => clientUrl(core.settings),
    dashboardUrl: () => {
      const port = office().address?.port;
      const { adminHost } = core.settings.listen;
      const host = isEveryAddress(adminHost) ? "127.0.0.1" : adminHost;
      return port === undefined ? undefined : `http://${formatHostPort({ host, port })}`;
    },
    connections: async () => ({
      ...(await doors.connections()),
      admin: await office().connections(),
    }),
    downloads: () => [...cache.underway()],
    kept: cache.kept,
    disk: cache.disk,
    nextToGo: cache.nextToGo,
    certificates: () => new Map([["ca", doors.authority.notAfter]]),
  };
}
