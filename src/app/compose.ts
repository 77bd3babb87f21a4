/**
 * Settings in, the running program out: every long-lived object is built here, the bottom room first,
 * and closed in reverse. Nothing is open to clients before `start`.
 */
import type { BackOffice } from "../doors/back-office/back-office.ts";
import type { Health } from "../doors/front-page/health.ts";
import type { FrontDoor } from "../doors/proxy/front-door.ts";
import { inBackground } from "../runtime/in-background.ts";
import type { Application, Compose, Started, World } from "./application.ts";
import { authorityWarnings, expiryWarnings } from "./compose/authority.ts";
import { openBackOffice } from "./compose/back-office.ts";
import { type Core, composeCore } from "./compose/core.ts";
import { composeDoors, type Doors } from "./compose/doors.ts";
import { reachOf } from "./compose/listen.ts";
import { composeRegistry } from "./compose/registry.ts";
import type { OpenTls } from "./compose/tls.ts";
import { openUnusedSockets, type UnusedSockets } from "./compose/unused-sockets.ts";
import { refuseLoop, type Upstream } from "./compose/upstream.ts";
import type { Settings } from "./settings/settings.ts";

export const compose: Compose = async (settings, log, world) => {
  const core = await composeCore(settings, log, world);
  try {
    await refuseLoop(core.upstream, core.life);
    return await composeOver(core, world?.rehearse);
  } catch (error) {
    await core.close();
    throw error;
  }
};

async function composeOver(core: Core, rehearse: World["rehearse"]): Promise<Application> {
  const { settings, listen, upstream, cache, hosted, store, log, now } = core;
  const engine = composeRegistry({
    ...{ settings, upstream, now, log, reuse: core.reuse, tracing: core.tracing },
    pulls: cache.pulls,
    hasImported: (registry) => cache.pulls.carried.hasAny(registry),
    hosted: hosted?.handlers,
    tokenSecret: core.secrets.tokens,
  });
  const state: State = { phase: "starting", isReloaded: true };
  const health = () => ({
    phase: state.phase,
    degraded: [
      ...[...degradedBy(upstream), ...cache.degraded(), ...store.degraded()],
      ...[...expiryWarnings(doors.authority, now(), 30), ...doors.degraded()],
    ],
    budgets: cache.pulls.budgets(),
  });
  const { environment } = core;
  const doors = await composeDoors({
    ...{ settings, listen, upstream, engine, health, environment, now, log },
  });
  const openOffice = () => openBackOffice({ core, engine, doors, health, state });
  return new Program({ core, doors, openOffice, state, rehearse });
}

type State = { phase: Health["phase"]; isReloaded: boolean };

type ProgramParts = {
  readonly core: Core;
  readonly doors: Doors;
  readonly openOffice: () => Promise<BackOffice>;
  readonly state: State;
  readonly rehearse: World["rehearse"];
};

class Program implements Application {
  readonly #parts: ProgramParts;
  #door: FrontDoor | undefined;
  #tls: OpenTls | undefined;
  #office: BackOffice | undefined;
  #unused: UnusedSockets | undefined;
  #started: Promise<Started> | undefined;
  #stopped: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  #rehearsal: Promise<unknown> | undefined;

  constructor(parts: ProgramParts) {
    this.#parts = parts;
  }

  start(): Promise<Started> {
    this.#started ??= this.#start().then((started) => {
      this.#rehearse();
      return started;
    });
    return this.#started;
  }

  async #start(): Promise<Started> {
    const { core, doors, state } = this.#parts;
    const { cache, hosted, log, settings, upstream, now } = core;
    this.#door = await doors.open();
    core.listen.opened("clients", this.#door.address.port);
    this.#tls = await doors.openTls();
    this.#unused = await openUnusedSockets(settings, core.listen.sockets);
    this.#office = await this.#parts.openOffice();
    const office = this.#office.address;
    if (state.phase === "starting") state.phase = "running";
    core.catalogue.start();
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
      publicUrl: settings.listen.publicUrl,
      names: reach.names,
      warnings: [
        ...reach.warnings,
        ...this.#unused.warnings,
        ...core.store.warnings,
        ...(hosted?.warnings ?? []),
        ...authorityWarnings(doors.authority, settings, upstream.named),
        ...expiryWarnings(doors.authority, now(), 90),
      ],
    };
  }

  #rehearse(): void {
    if (this.#stopping.signal.aborted) return;
    const { core, doors, rehearse } = this.#parts;
    const { settings, store } = core;
    // A server would count what it is asked, and has no thread here.
    const isHere = settings.records.place.kind === "sqlite";
    const look = isHere ? (key: string) => store.records.get(key) : undefined;
    const isAlone = async (): Promise<boolean> =>
      Object.values(await doors.connections()).every((count) => count === 0);
    this.#rehearsal = rehearse?.({ isAlone, stopping: this.#stopping.signal, look });
  }

  async reload(settings: Settings): Promise<void> {
    const { core, state } = this.#parts;
    const { hosted, upstream } = core;
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
    const { core, state } = this.#parts;
    state.phase = "stopping";
    this.#stopping.abort();
    // A start still under way opens what it opens; then that is closed too.
    await this.#started?.catch(() => undefined);
    const listeners = [this.#office, this.#door, this.#tls, this.#unused];
    await Promise.all([...listeners.map((each) => each?.stop(deadline)), this.#rehearsal]);
    await core.close();
  }
}

function degradedBy(upstream: Upstream): readonly string[] {
  return upstream.logins
    .refused()
    .map(
      ({ host }) => `the login configured for ${host} was refused; pulls there go on without it`,
    );
}
