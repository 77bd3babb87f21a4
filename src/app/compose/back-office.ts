/** The back office: what listens to every room, and what is shown of it. */
import { join } from "node:path";
import { BackOffice } from "../../doors/back-office/back-office.ts";
import { Figures } from "../../doors/back-office/figures.ts";
import { Gate } from "../../doors/back-office/gate.ts";
import { Overview } from "../../doors/back-office/overview.ts";
import type { HealthNow, House } from "../../doors/back-office/ports.ts";
import { Sessions } from "../../doors/back-office/sessions.ts";
import { hostMatcher } from "../../protocol/host-pattern.ts";
import { formatHostPort } from "../../protocol/http/host-port.ts";
import { builtInRegistries } from "../../protocol/known-registries.ts";
import { canonicalRegistry, registryAddress } from "../../protocol/registry-name.ts";
import type { RegistryEngine } from "../../registry/engine.ts";
import { readBuild } from "../build.ts";
import type { Log } from "../log.ts";
import { isOnLoopback, namedRegistries } from "../settings/derived.ts";
import type { Settings } from "../settings/settings.ts";
import type { Cache } from "./cache.ts";
import type { OpenCatalogue } from "./catalogue.ts";
import type { Doors } from "./doors.ts";
import { explaining } from "./explaining.ts";
import { reachOf } from "./listen.ts";
import type { Upstream } from "./upstream.ts";

export function composeFigures(settings: Settings, now: () => number): Figures {
  const isKnown = hostMatcher([...builtInRegistries, ...namedRegistries(settings)]);
  return new Figures({
    now,
    repositories: settings.files.metricsRepositories,
    isKnown: (registry) => {
      const name = canonicalRegistry(registry);
      return name !== undefined && isKnown(registryAddress(name));
    },
  });
}

/** The same log, with the figures listening too. */
export function heardBy(figures: Figures, log: Log): Log {
  const both =
    <E>(one: (event: E) => void, other: (event: E) => void) =>
    (event: E): void => {
      one(event);
      other(event);
    };
  return {
    registry: both(figures.registry, log.registry),
    door: both(figures.door, log.door),
    cache: both(figures.cache, log.cache),
    store: both(figures.store, log.store),
    upstream: both(figures.upstreams, log.upstream),
    auth: both(figures.auth, log.auth),
    hosted: log.hosted,
    note: log.note,
  };
}

export type BackOfficeParts = {
  readonly settings: Settings;
  readonly figures: Figures;
  readonly cache: Cache;
  readonly catalogue: OpenCatalogue;
  readonly upstream: Upstream;
  readonly engine: RegistryEngine;
  readonly doors: Doors;
  readonly health: () => HealthNow;
  readonly state: { readonly isReloaded: boolean };
  readonly now: () => number;
  readonly log: Pick<Log, "note">;
};

/** Throws DoorError LISTEN. */
export async function openBackOffice(parts: BackOfficeParts): Promise<BackOffice> {
  const { settings, figures, now, log } = parts;
  const { adminHost, adminPort, adminToken, adminReadToken, adminHosts } = settings.listen;
  const sessions = new Sessions(now);
  const gate = new Gate({
    isLocal: isOnLoopback(adminHost),
    token: adminToken,
    readToken: adminReadToken,
    hosts: adminHosts,
    sessions,
  });
  const office: BackOffice = await BackOffice.open({
    gate,
    address: adminPort === 0 ? undefined : { host: adminHost, port: adminPort },
    socketPath: join(settings.files.dataDir, "control.sock"),
    load: async () => {
      const { openPages } = await import("../../doors/back-office/pages.ts");
      const house = composeHouse(parts, () => office);
      const { images, store, catalogue } = parts.catalogue;
      const flush = (): Promise<void> => catalogue.flush();
      const explain = explaining({ ...parts, images });
      const overview = new Overview({ figures, house, images, store, flush, explain, now });
      return openPages({ figures, house, overview, sessions, now });
    },
    onError: (sentence, error) => {
      const why = error instanceof Error ? error.message : String(error);
      log.note("error", sentence, { error: why });
    },
  });
  return office;
}

function reachable(address: string): string {
  return address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
}

function clientUrl({ listen, access }: Settings): string {
  const [host = "127.0.0.1"] = reachOf(listen.host, access.allowClients).names;
  return `http://${formatHostPort({ host, port: listen.port })}`;
}

function composeHouse(parts: BackOfficeParts, office: () => BackOffice): House {
  const { cache, engine, doors, state } = parts;
  return {
    ...{ health: parts.health, build: readBuild() },
    isReloaded: () => state.isReloaded,
    requestsInFlight: () => engine.underway,
    clientUrl: () => clientUrl(parts.settings),
    dashboardUrl: () => {
      const at = office().address;
      return at && `http://${formatHostPort({ host: reachable(at.address), port: at.port })}`;
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
