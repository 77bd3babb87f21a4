import { getHeapSpaceStatistics } from "node:v8";
import { describe, expect, it } from "vitest";
import { SendWatch } from "../../../src/registry/answer/body-writer.ts";

describe("a watch over what is being sent", () => {
  it("tells of each that takes too long, oldest first, and of nobody else", async () => {
    let now = 0;
    const late: string[] = [];
    const watch = new SendWatch(20, () => now);
    const rung = Promise.withResolvers<void>();
    watch.begin(() => late.push("first"));
    const left = watch.begin(() => late.push("left"));
    now = 5;
    watch.begin(() => {
      late.push("second");
      rung.resolve();
    });
    watch.end(left);
    now = 30;
    await rung.promise;
    expect(late).toEqual(["first", "second"]);
  });

  it("gives one that begins again its whole time again", async () => {
    let now = 0;
    const late: string[] = [];
    const watch = new SendWatch(20, () => now);
    const rung = Promise.withResolvers<void>();
    const again = () => late.push("again");
    watch.end(watch.begin(again));
    watch.begin(() => {
      late.push("other");
      rung.resolve();
    });
    now = 19;
    const once = watch.begin(again);
    now = 21;
    await rung.promise;
    expect(late).toEqual(["other"]);
    watch.end(once);
    watch.end(once);
  });
});

/** Bytes of the heap that only a collection of all of it makes free. */
function oldBytes(): number {
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space");
  return space?.space_used_size ?? Number.NaN;
}

it("an answer that has left is garbage while it is young, however many leave", () => {
  const watch = new SendWatch(60_000, () => 0);
  const leaving = Array.from({ length: 32 }, () => watch.begin(() => undefined));
  const answer = (times: number): void => {
    for (let turn = 0; turn < times; turn++) {
      const bytes = new Array(256).fill(turn);
      watch.end(leaving[turn % 32]);
      leaving[turn % 32] = watch.begin(() => void bytes.push());
    }
  };
  answer(5_000);
  // What there is of the watch gets old.
  for (let turn = 0; turn < 200_000; turn++) new Array(64).fill(turn);
  const before = oldBytes();
  answer(40_000);
  expect(oldBytes() - before).toBeLessThan(1024 * 1024);
});
