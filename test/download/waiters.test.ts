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
    waiters.wakeBelow(0);
    waiters.wakeBelow(11);
    await new Promise(setImmediate);
    expect(woken).toEqual([0, 10, 10]);
    waiters.wakeBelow(25);
    await new Promise(setImmediate);
    expect(woken).toEqual([0, 10, 10, 20]);
    waiters.wakeAll();
    await Promise.all(waits);
    expect(woken).toEqual([0, 10, 10, 20, 25, 30]);
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
    waiters.wakeBelow(6);
    await stays;
    await expect(waiters.wait(5, leaving.signal)).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("who want no byte that ever comes wake at the end", async () => {
    const waiters = new Waiters();
    const wait = waiters.wait(Number.POSITIVE_INFINITY, forever);
    waiters.wakeBelow(Number.MAX_SAFE_INTEGER);
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
