import { describe, expect, it } from "vitest";
import { Waiters } from "../../src/download/progress.ts";

const forever = new AbortController().signal;

describe("waiters", () => {
  it("wake when a byte before the position is theirs, and only then", async () => {
    const waiters = new Waiters();
    const woken: number[] = [];
    const waits = [30, 10, 20, 10, 0, 25].map(async (position) => {
      await waiters.wait(position, forever);
      woken.push(position);
    });
    waiters.wakeWithin(0, 0);
    waiters.wakeWithin(0, 11);
    await new Promise(setImmediate);
    expect(woken).toEqual([0, 10, 10]);
    waiters.wakeWithin(0, 25);
    await new Promise(setImmediate);
    expect(woken).toEqual([0, 10, 10, 20]);
    waiters.wakeAll();
    await Promise.all(waits);
    expect(woken).toEqual([0, 10, 10, 20, 25, 30]);
  });

  it("stay asleep when only others' bytes have come", async () => {
    const waiters = new Waiters();
    const woken: number[] = [];
    const waits = [5, 15, 25].map(async (position) => {
      await waiters.wait(position, forever);
      woken.push(position);
    });
    waiters.wakeWithin(15, 25);
    await new Promise(setImmediate);
    expect(woken).toEqual([15]);
    waiters.wakeAll();
    await Promise.all(waits);
  });

  it("leave when their signal aborts, and are not woken any more", async () => {
    const waiters = new Waiters();
    const leaving = new AbortController();
    const left = waiters.wait(5, leaving.signal);
    const stays = waiters.wait(5, forever);
    leaving.abort(new Error("the client left"));
    await expect(left).rejects.toMatchObject({
      code: "ABORTED",
      cause: { message: "the client left" },
    });
    waiters.wakeWithin(0, 6);
    await stays;
    await expect(waiters.wait(5, leaving.signal)).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("who want no byte that ever comes wake at the end", async () => {
    const waiters = new Waiters();
    const wait = waiters.wait(Number.POSITIVE_INFINITY, forever);
    waiters.wakeWithin(0, Number.MAX_SAFE_INTEGER);
    waiters.wakeAll();
    await wait;
  });

  it("wake over several turns of the loop when they are a crowd, those of the first bytes first", async () => {
    const waiters = new Waiters();
    let woken = 0;
    const waits = Array.from({ length: 200 }, async (_, position) => {
      await waiters.wait(position, forever);
      woken += 1;
    });
    waiters.wakeAll();
    const seen: number[] = [];
    while (woken < 200) {
      await new Promise(setImmediate);
      seen.push(woken);
    }
    expect(seen.length).toBeGreaterThan(2);
    await Promise.all(waits);
  });
});
