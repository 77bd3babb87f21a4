/**
 * What there is with doors and without: the store, the way out, the cache over both, what was pushed
 * here, and the catalogue. Nothing runs by itself before it is started, and nothing listens.
 */

import type { ObserveHosted } from "../../hosted/hosted-event.ts";
import { SmallAnswers } from "../../registry/answer/small-answers.ts";
import { systemClock } from "../../runtime/clock.ts";
import { Generation } from "../../runtime/generation.ts";
import type { World } from "../application.ts";
import { harmless } from "../log/harmless.ts";
import type { Log } from "../log.ts";
import type { Settings } from "../settings/settings.ts";
import { composeArchive } from "./archive.ts";
import { composeCache } from "./cache.ts";
import { composeCatalogue } from "./catalogue.ts";
import { loadChallenges, saveChallenge } from "./challenges.ts";
import { composeFigures, heardBy } from "./figures.ts";
import type { Hosted, HostedRoomParts } from "./hosted.ts";
import { composeListen } from "./listen.ts";
import { placeOfRecords } from "./records.ts";
import { openSecrets } from "./secret.ts";
import { composeStore, type Store } from "./store.ts";
import { composeUpstream } from "./upstream.ts";

export const realWorld: World = {
  now: Date.now,
  steady: () => performance.timeOrigin + performance.now(),
};

export type Core = Awaited<ReturnType<typeof composeOver>>;

/** Takes the data folder. Throws what is wrong with settings or folders, and has closed everything then. */
export async function composeCore(
  settings: Settings,
  given: Log,
  world: World = realWorld,
): Promise<Core> {
  const figures = composeFigures(settings, world.now);
  const log = harmless(heardBy(figures, given), (error) => process.emitWarning(String(error)));
  const isHosting = settings.hosted.hosts.length > 0;
  const { now, steady, fs } = world;
  const store = await composeStore(settings.files.dataDir, log, {
    ...{ isHosting, fs, clock: { ...systemClock, now, steady } },
    records: await placeOfRecords(settings),
  });
  try {
    return await composeOver(store, { settings, log, figures, world });
  } catch (error) {
    await store.close(AbortSignal.timeout(1_000));
    throw error;
  }
}

type Over = {
  readonly settings: Settings;
  readonly log: Log;
  readonly figures: ReturnType<typeof composeFigures>;
  readonly world: World;
};

async function composeOver(store: Store, { settings, log, figures, world }: Over) {
  const { now, steady, lookup, sockets, generation = new Generation(), mayReuse = true } = world;
  const { tracing } = world;
  const clock = { ...systemClock, now, steady };
  const { dataDir } = settings.files;
  const secrets = await openSecrets(dataDir, settings.authority.tokenSecret);
  const life = new AbortController();
  // Declarations of a build cannot name its type otherwise.
  const lifeSignal: AbortSignal = life.signal;
  // biome-ignore lint/style/noProcessEnv: the operator's commands run in the operator's own environment
  const environment = process.env;
  const listen = composeListen(settings, sockets);
  const upstream = await composeUpstream({
    ...{ settings, listen, clock, lookup, log, environment, generation, tracing },
    secret: secrets.credentials,
    saveChallenge: (saved) => saveChallenge(store.records, saved, log),
    life: lifeSignal,
  });
  await loadChallenges(store.records, upstream.memory, log);
  const secret = secrets.visibility;
  // What is believed for a time is believed no longer because somebody sets the machine's clock back.
  const archived = await composeArchive({ settings, store, upstream, log });
  const cache = composeCache({
    ...{ settings, store, upstream, archived, secret, now: steady, clock, generation, log },
    tracing,
  });
  const hosted = await hostedIn(store, {
    ...{ settings, store, cache, secret: secrets.hosted, clock },
    log: { hosted: (event) => tell(event) },
  });
  const catalogued = composeCatalogue({
    ...{ figures, cache, now, log, dataDir, settings },
    pushedManifest: async (digest) => hosted?.listings.manifestOf(digest),
  });
  const tell: ObserveHosted = (event) => {
    log.hosted(event);
    catalogued.catalogue.hear(event);
  };
  const close = async (): Promise<void> => {
    await hosted?.close();
    await catalogued.close();
    await cache.close();
    await archived?.close();
    life.abort();
    await upstream.close();
    await store.close(AbortSignal.timeout(10_000));
  };
  return {
    ...{ settings, log, figures, secrets, environment, listen, now, life: lifeSignal },
    reuse: mayReuse ? new SmallAnswers({ generation, now, steady }) : undefined,
    ...{ store, upstream, cache, hosted, catalogue: catalogued.catalogue, tellHosted: tell },
    ...{ images: catalogued.images, statistics: catalogued.store, close },
    written: world.written ?? [],
    tracing,
  };
}

/** Undefined where nothing ever was pushed, nor may be; then what would be needed for it takes no memory. */
async function hostedIn(
  { catalogue }: Store,
  parts: Omit<HostedRoomParts, "catalogue">,
): Promise<Hosted | undefined> {
  if (catalogue === undefined) return undefined;
  const { composeHosted } = await import("./hosted.ts");
  return composeHosted({ ...parts, catalogue });
}
