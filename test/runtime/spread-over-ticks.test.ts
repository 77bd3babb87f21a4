import { describe, expect, it } from "vitest";
import { SpreadOverTicks } from "../../src/runtime/spread-over-ticks.ts";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe("turns", () => {
  it("do at once what fits into one, and the rest in order, a turn's share at a time", async () => {
    const ticks = new SpreadOverTicks(3);
    const done: number[] = [];
    for (let work = 1; work <= 7; work += 1) ticks.run(() => done.push(work));
    expect(done).toEqual([1, 2, 3]);
    await nextTurn();
    expect(done).toEqual([1, 2, 3, 4, 5, 6]);
    await nextTurn();
    expect(done).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("let nothing overtake what waits", async () => {
    const ticks = new SpreadOverTicks(1);
    const done: string[] = [];
    ticks.run(() => done.push("first"));
    ticks.run(() => done.push("second"));
    await nextTurn();
    ticks.run(() => done.push("third"));
    expect(done).toEqual(["first", "second"]);
    await nextTurn();
    expect(done).toEqual(["first", "second", "third"]);
  });

  it("start afresh after a quiet turn", async () => {
    const ticks = new SpreadOverTicks(1);
    const done: string[] = [];
    ticks.run(() => done.push("one"));
    await nextTurn();
    await nextTurn();
    ticks.run(() => done.push("other"));
    expect(done).toEqual(["one", "other"]);
  });

  it("do one thing of each client in turn, so that a crowd's wait for nobody else's", async () => {
    const ticks = new SpreadOverTicks(2);
    const done: string[] = [];
    for (const client of ["crowd", "crowd", "crowd", "crowd", "other"]) {
      ticks.run(() => done.push(client), client);
    }
    expect(done).toEqual(["crowd", "crowd"]);
    await nextTurn();
    expect(done.slice(2)).toEqual(["crowd", "other"]);
    await nextTurn();
    expect(done.slice(4)).toEqual(["crowd"]);
  });
});
