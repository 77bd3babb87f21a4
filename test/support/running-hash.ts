import { createHash } from "node:crypto";
import { type BeginHash, Hashing, type RunningHash } from "../../src/runtime/hashing.ts";

/** The SHA-256 of these bytes so far, which it keeps. */
export function runningHash(bytes: Uint8Array): RunningHash {
  return {
    after: async (more) => runningHash(Buffer.concat([bytes, more])),
    digest: async () => createHash("sha256").update(bytes).digest(),
    copy: () => runningHash(bytes),
    release: () => undefined,
  };
}

/** Hashes on a thread, however short the stream; `isUnused`: every hash was released, `pass`: a minute has passed. */
export function onThread() {
  const timers = new Set<() => void>();
  const { begin } = new Hashing((_, act) => {
    timers.add(act);
    return () => void timers.delete(act);
  });
  const beginHash: BeginHash = (algorithm) => begin(algorithm, Number.POSITIVE_INFINITY);
  const pass = (): void => {
    for (const act of timers) act();
  };
  return { beginHash, isUnused: () => timers.size > 0, pass };
}
