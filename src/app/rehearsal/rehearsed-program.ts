/**
 * The doors, the cache and the way out once more, with settings of their own and in a folder of their own:
 * what a pull passes, and nothing else. What it does is told to nobody and remembered nowhere.
 */
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Authority } from "../../doors/proxy/authority/ca.ts";
import { SmallAnswers } from "../../registry/answer/small-answers.ts";
import { systemClock } from "../../runtime/clock.ts";
import { Generation } from "../../runtime/generation.ts";
import { DiskBlobStore } from "../../store/disk/disk-blob-store.ts";
import { Holds } from "../../store/holds.ts";
import type { RecordStore } from "../../store/record-store.ts";
import { composeCache } from "../compose/cache.ts";
import { composeDoors } from "../compose/doors.ts";
import { composeListen } from "../compose/listen.ts";
import { composeRegistry } from "../compose/registry.ts";
import { openSecrets } from "../compose/secret.ts";
import type { Store } from "../compose/store.ts";
import { composeUpstream } from "../compose/upstream.ts";
import { createLog } from "../log.ts";
import { loadSettings } from "../settings/load.ts";

export type RehearsedProgramOptions = {
  /** With a CA alone in it. */
  readonly folder: string;
  readonly authority: Authority;
  /** A pattern, as in REGISTRIES; all of them are on loopback. */
  readonly registries: string;
  /** Where records are looked for. */
  readonly look?: RecordStore["get"] | undefined;
};

/** Nothing is remembered beyond what is in memory. */
const noRecords: RecordStore = {
  get: async () => undefined,
  set: async () => undefined,
  delete: async () => undefined,
  setMany: async () => undefined,
  deleteMany: async () => undefined,
  list: async function* () {
    yield* [];
  },
  putIfAbsent: async () => true,
};

export type RehearsedProgram = {
  /** Of its door, on loopback. */
  readonly port: number;
  /** At once. */
  readonly close: () => Promise<void>;
};

async function openStore(path: string, look = noRecords.get): Promise<Store> {
  await Promise.all(["blobs", "partial"].map((name) => mkdir(join(path, name))));
  const folder = {
    ...{ path, verified: "all" as const },
    markClean: async () => undefined,
    close: () => undefined,
  };
  const holds = new Holds();
  const blobs = await DiskBlobStore.open(folder, { holds });
  return {
    ...{ folder, holds, blobs, catalogue: undefined, warnings: [], degraded: () => [] },
    records: { ...noRecords, get: look, degraded: [], close: async () => undefined },
    keepStill: async () => ({ records: undefined, release: async () => undefined }),
    close: async () => undefined,
  };
}

async function settingsFor(folder: string, registries: string) {
  const { settings } = await loadSettings({
    flags: new Map(),
    environment: {
      ...{ HOST: "127.0.0.1", ADMIN_PORT: "0", DATA_DIR: folder, REGISTRIES: registries },
      ...{ ALLOW_CLIENTS: "127.0.0.1", INTERCEPT: "named", TUNNEL: "deny" },
      UPSTREAM_ALLOW_ADDRESSES: "127.0.0.1",
    },
    settingsFile: undefined,
    readFile: async () => "",
  });
  return { ...settings, listen: { ...settings.listen, port: 0 } };
}

export async function openRehearsedProgram({
  folder,
  authority,
  registries,
  look,
}: RehearsedProgramOptions): Promise<RehearsedProgram> {
  const settings = await settingsFor(folder, registries);
  const log = createLog({
    ...{ level: "info", format: "json", hasColours: false, secrets: [] },
    write: () => undefined,
  });
  const { now, steady } = systemClock;
  const clock = systemClock;
  const generation = new Generation();
  const life = new AbortController();
  const listen = composeListen(settings);
  const store = await openStore(folder, look);
  const secrets = await openSecrets(folder, randomBytes(32).toString("hex"));
  const lookup = async () => [{ address: "127.0.0.1", family: 4 as const }];
  const upstream = await composeUpstream({
    ...{ settings, listen, clock, lookup, log, generation, environment: {} },
    ...{ secret: secrets.credentials, saveChallenge: () => undefined, life: life.signal },
    authorities: [authority.root],
  });
  const secret = secrets.visibility;
  const cache = composeCache({
    settings,
    store,
    upstream,
    secret,
    now: steady,
    clock,
    generation,
    log,
  });
  const engine = composeRegistry({
    ...{ settings, upstream, now, log, pulls: cache.pulls, tokenSecret: secrets.tokens },
    reuse: new SmallAnswers({ generation, now, steady }),
  });
  const health = () => ({ phase: "running" as const, degraded: [], budgets: [] });
  const doors = await composeDoors({
    ...{ settings, listen, upstream, engine, health, environment: {}, now, log },
  });
  const door = await doors.open();
  listen.opened("clients", door.address.port);
  const close = async (): Promise<void> => {
    await door.stop(AbortSignal.abort());
    await cache.close();
    life.abort();
    await upstream.close();
    await store.blobs.close(AbortSignal.abort()).catch(() => undefined);
  };
  return { port: door.address.port, close };
}
