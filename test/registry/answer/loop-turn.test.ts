import { describe, expect, it } from "vitest";
import { LoopTurn } from "../../../src/registry/answer/answer.ts";

describe("a turn of the event loop", () => {
  it("ends for all who wait in it together, after what had come in before", async () => {
    const turn = new LoopTurn();
    const order: string[] = [];
    setImmediate(() => order.push("came before"));
    await Promise.all([
      turn.end().then(() => order.push("one")),
      turn.end().then(() => order.push("other")),
    ]);
    expect(order).toEqual(["came before", "one", "other"]);
  });

  it("begins anew after its end", async () => {
    const turn = new LoopTurn();
    const first = turn.end();
    await first;
    expect(turn.end()).not.toBe(first);
  });
});
