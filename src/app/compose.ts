/**
 * Settings in, the running program out: every long-lived object is built here, the bottom room first,
 * and closed in reverse. Nothing is open to clients before `start`.
 */
import type { BackOffice } from "../doors/back-office/back-office.ts";
import type { Figures } from "../doors/back-office/figures.ts";
import type { Health } from "../doors/front-page/health.ts";
import type { FrontDoor } from "../doors/proxy/front-door.ts";
import { systemClock } from "../runtime/clock.ts";
import { inBackground } from "../runtime/in-background.ts";
import type { RecordStore } from "../store/record-store.ts";
import type { ChallengeMemory, SavedChallenge } from "../upstream/auth/challenge-memory.ts";
import type { Application, Compose, Started, World } from "./application.ts";
import { authorityWarnings, expiryWarnings } from "./compose/authority.ts";
import { composeFigures, heardBy, openBackOffice } from "./compose/back-office.ts";
import { type Cache, composeCache } from "./compose/cache.ts";
import { composeCatalogue, type OpenCatalogue } from "./compose/catalogue.ts";
import { composeDoors, type Doors } from "./compose/doors.ts";
import { composeHosted, type Hosted } from "./compose/hosted.ts";
import { composeListen, reachOf } from "./compose/listen.ts";
import { composeRegistry } from "./compose/registry.ts";
import { openSecrets, type Secrets } from "./compose/secret.ts";
import { composeStore, type Store } from "./compose/store.ts";
import type { OpenTls } from "./compose/tls.ts";
import { composeUpstream, refuseLoop, type Upstream } from "./compose/upstream.ts";
import { harmless } from "./log/harmless.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings/settings.ts";

const realWorld: World = {
  now: Date.now,
  steady: () => performance.timeOrigin + performance.now(),
};

export const compose: Compose = async (settings, given, world = realWorld) => {
  const figures = composeFigures(settings, world.now);
  const log = harmless(heardBy(figures, given), (error) => process.emitWarning(String(error)));
  const isHosting = settings.hosted.hosts.length > 0;
  const store = await composeStore(settings.files.dataDir, log, { isHosting, fs: world.fs });
  try {
    const secrets = await openSecrets(settings.files.dataDir, settings.authority.tokenSecret);
    return await composeOver(store, { settings, log, figures, secrets, world });
  } catch (error) {
    await store.close(AbortSignal.timeout(1_000));
    throw error;
  }
};

type Over = {
  readonly settings: Settings;
  readonly log: Log;
  readonly figures: Figures;
  readonly secrets: Secrets;
  readonly world: World;
};

async function composeOver(store: Store, over: Over): Promise<Application> {
  const { settings, log, figures, secrets, world } = over;
  const { now, steady, lookup } = world;
  const life = new AbortController();
  // biome-ignore lint/style/noProcessEnv: the operator's commands run in the operator's own environment
  const environment = process.env;
  const listen = composeListen(settings);
  const upstream = await composeUpstream({
    ...{ settings, listen, now, steady, lookup, log },
    environment,
    secret: secrets.credentials,
    saveChallenge: (saved) => saveChallenge(store.records, saved, log),
    life: life.signal,
  });
  await refuseLoop(upstream, life.signal);
  await loadChallenges(store.records, upstream.memory);
  const secret = secrets.visibility;
  // What is believed for a time is believed no longer because somebody sets the machine's clock back.
  const cache = composeCache({ settings, store, upstream, secret, now: steady, log });
  const hosted = await composeHosted({
    ...{ settings, store, cache, log },
    secret: secrets.hosted,
    clock: { ...systemClock, now, steady },
  });
  const engine = composeRegistry({
    ...{ settings, upstream, now, log },
    pulls: cache.pulls,
    hosted: hosted?.handlers,
    tokenSecret: secrets.tokens,
  });
  const state: State = { phase: "starting", isReloaded: true };
  const health = () => ({
    phase: state.phase,
    degraded: [
      ...[...degradedBy(upstream), ...cache.degraded(), ...store.degraded()],
      ...expiryWarnings(doors.authority, now(), 30),
    ],
    budgets: cache.pulls.budgets(),
  });
  const doors = await composeDoors({
    ...{ settings, listen, upstream, engine, health, environment, now, log },
  });
  const { dataDir } = settings.files;
  const catalogue = composeCatalogue({ figures, cache, now, log, dataDir });
  const openOffice = () =>
    openBackOffice({
      ...{ settings, log, figures, cache, catalogue, upstream, engine, doors, health, state, now },
    });
  return new Program({
    ...{ settings, log, store, upstream, cache, hosted, catalogue, doors, openOffice },
    ...{ life, state, now },
  });
}

type State = { phase: Health["phase"]; isReloaded: boolean };

type ProgramParts = {
  readonly settings: Settings;
  readonly log: Log;
  readonly store: Store;
  readonly upstream: Upstream;
  readonly cache: Cache;
  readonly hosted: Hosted | undefined;
  readonly doors: Doors;
  readonly life: AbortController;
  readonly catalogue: OpenCatalogue;
  readonly openOffice: () => Promise<BackOffice>;
  readonly state: State;
  readonly now: () => number;
};

class Program implements Application {
  readonly #parts: ProgramParts;
  #door: FrontDoor | undefined;
  #tls: OpenTls | undefined;
  #office: BackOffice | undefined;
  #started: Promise<Started> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(parts: ProgramParts) {
    this.#parts = parts;
  }

  start(): Promise<Started> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<Started> {
    const { doors, cache, hosted, log, settings, state, upstream, now } = this.#parts;
    this.#door = await doors.open();
    this.#tls = await doors.openTls();
    this.#office = await this.#parts.openOffice();
    const office = this.#office.address;
    if (state.phase === "starting") state.phase = "running";
    this.#parts.catalogue.catalogue.start();
    inBackground(cache.start(), (error) => log.cache({ kind: "diskFailed", error }));
    const { address, port } = this.#door.address;
    const reach = reachOf(address, settings.access.allowClients);
    return {
      listening: [
        { door: "clients", host: address, port },
        ...(this.#tls === undefined ? [] : [this.#tls.listening]),
        ...((office && [{ door: "admin", host: office.address, port: office.port } as const]) ||
          []),
      ],
      fingerprint: doors.authority.fingerprint,
      names: reach.names,
      warnings: [
        ...reach.warnings,
        ...(hosted?.warnings ?? []),
        ...authorityWarnings(doors.authority, settings, upstream.named),
        ...expiryWarnings(doors.authority, now(), 90),
      ],
    };
  }

  async reload(settings: Settings): Promise<void> {
    const { hosted, upstream, state } = this.#parts;
    const takeUp = await hosted?.reload(settings);
    await upstream.reloadLogins(settings);
    takeUp?.();
    state.isReloaded = true;
  }

  reloadFailed(): void {
    this.#parts.state.isReloaded = false;
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(deadline);
    return this.#stopped;
  }

  async #stop(deadline: AbortSignal): Promise<void> {
    const { state, cache, hosted, upstream, store, life } = this.#parts;
    state.phase = "stopping";
    // A start still under way opens what it opens; then that is closed too.
    await this.#started?.catch(() => undefined);
    const listeners = [this.#office, this.#door, this.#tls];
    await Promise.all(listeners.map((each) => each?.stop(deadline)));
    await hosted?.close();
    await this.#parts.catalogue.close();
    await cache.close();
    life.abort();
    await upstream.close();
    await store.close(AbortSignal.timeout(10_000));
  }
}

const challengePrefix = "challenge/";

function saveChallenge(records: RecordStore, saved: SavedChallenge, log: Log): void {
  const { registry, scheme, lines, learnedAt, hasSignatures = false } = saved;
  const saving = records.set(`${challengePrefix}${scheme}/${registry}`, {
    ...{ registry, scheme, lines, learnedAt, hasSignatures },
  });
  inBackground(saving, (error) => log.cache({ kind: "recordsFailed", error }));
}

async function loadChallenges(records: RecordStore, memory: ChallengeMemory): Promise<void> {
  const saved: SavedChallenge[] = [];
  for await (const { value } of records.list(challengePrefix)) {
    if (isSavedChallenge(value)) saved.push(value);
  }
  memory.load(saved);
}

function isSavedChallenge(value: unknown): value is SavedChallenge {
  if (typeof value !== "object" || value === null) return false;
  const { registry, scheme, lines, learnedAt } = value as Partial<SavedChallenge>;
  const isScheme = scheme === "https" || scheme === "http";
  return (
    typeof registry === "string" &&
    isScheme &&
    Array.isArray(lines) &&
    typeof learnedAt === "number"
  );
}

function degradedBy(upstream: Upstream): readonly string[] {
  return upstream.logins
    .refused()
    .map(
      ({ host }) => `the login configured for ${host} was refused; pulls there go on without it`,
    );
}
