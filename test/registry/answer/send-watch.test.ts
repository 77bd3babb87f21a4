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
