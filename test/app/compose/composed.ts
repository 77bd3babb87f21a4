/** A composition over a fake registry, as far up as a test wants it; closed when the test ends. */

import { onTestFinished } from "vitest";
import { composeCache } from "../../../src/app/compose/cache.ts";
import { composeListen } from "../../../src/app/compose/listen.ts";
import { composeRegistry } from "../../../src/app/compose/registry.ts";
import { composeStore } from "../../../src/app/compose/store.ts";
import { composeUpstream } from "../../../src/app/compose/upstream.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import type { FakeRegistry } from "../../support/fake-registry.ts";
import { startFakeRegistry } from "../../support/fake-registry.ts";
import { keptLog, settingsWith } from "./composing.ts";

export async function composedOver(
  environment: Readonly<Record<string, string>> = {},
  fake?: FakeRegistry,
) {
  const registry = fake ?? (await startFakeRegistry());
  const settings = await settingsWith({
    REGISTRIES: registry.registry.name,
    MIRROR_DEFAULT: registry.origin,
    UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8",
    ...environment,
  });
  const { log, lines } = keptLog();
  const listen = composeListen(settings);
  const store = await composeStore(settings.files.dataDir, log);
  const life = new AbortController();
  const upstream = await composeUpstream({
    ...{ settings, listen, log },
    environment: {},
    secret: new Uint8Array(32),
    clock: systemClock,
    saveChallenge: () => undefined,
    life: life.signal,
  });
  const secret = new Uint8Array(32);
  const cache = composeCache({ settings, store, upstream, secret, now: Date.now, log });
  const engine = composeRegistry({
    ...{ settings, upstream, log },
    pulls: cache.pulls,
    tokenSecret: new Uint8Array(32),
    ...{ now: Date.now, steady: Date.now },
  });
  const close = async (): Promise<void> => {
    await cache.close();
    life.abort();
    await upstream.close();
    await store.close(AbortSignal.timeout(5_000));
  };
  let closing: Promise<void> | undefined;
  const closeOnce = () => (closing ??= close());
  onTestFinished(closeOnce);
  const parts = { settings, listen, store, upstream, cache, engine, log, lines };
  return { registry, ...parts, close: closeOnce };
}
