import { describe, expect, it } from "vitest";
import { Turns } from "../../src/runtime/spread-over-ticks.ts";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe("turns", () => {
  it("do at once what fits into one, and the rest in order, a turn's share at a time", async () => {
    const turns = new Turns(3);
    const done: number[] = [];
    for (let work = 1; work <= 7; work += 1) turns.take(() => done.push(work));
    expect(done).toEqual([1, 2, 3]);
    await nextTurn();
    expect(done).toEqual([1, 2, 3, 4, 5, 6]);
    await nextTurn();
    expect(done).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("let nothing overtake what waits", async () => {
    const turns = new Turns(1);
    const done: string[] = [];
    turns.take(() => done.push("first"));
    turns.take(() => done.push("second"));
    await nextTurn();
    turns.take(() => done.push("third"));
    expect(done).toEqual(["first", "second"]);
    await nextTurn();
    expect(done).toEqual(["first", "second", "third"]);
  });

  it("start afresh after a quiet turn", async () => {
    const turns = new Turns(1);
    const done: string[] = [];
    turns.take(() => done.push("one"));
    await nextTurn();
    await nextTurn();
    turns.take(() => done.push("other"));
    expect(done).toEqual(["one", "other"]);
  });
});
