import { expect, it } from "vitest";
import { rehearse } from "../../src/app/rehearsal/rehearse.ts";
import { pause, systemClock } from "../../src/runtime/clock.ts";

it("a rehearsal that is stopped at any moment is over at once, and throws nothing at anybody", async () => {
  const took: number[] = [];
  for (let after = 0; after < 60; after += 2) {
    const stop = new AbortController();
    const rehearsal = rehearse({ isAlone: async () => true, stopping: stop.signal });
    await pause(systemClock, after, AbortSignal.timeout(60_000));
    const stopped = performance.now();
    stop.abort();
    await rehearsal;
    took.push(performance.now() - stopped);
  }
  // What hung waited for the ten seconds that a handshake has.
  expect(Math.max(...took)).toBeLessThan(9_000);
});
