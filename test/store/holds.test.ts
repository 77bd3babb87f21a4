import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { Holds } from "../../src/store/holds.ts";

describe("holds", () => {
  it("stack: as many releases as holds", () => {
    const holds = new Holds();
    const digest = digestOf(Buffer.from("a"));
    expect(holds.isHeld(digest)).toBe(false);
    holds.release(digest);
    holds.hold(digest);
    holds.hold(digest);
    holds.release(digest);
    expect(holds.isHeld(digest)).toBe(true);
    holds.release(digest);
    expect(holds.isHeld(digest)).toBe(false);
  });

  it("tell when a digest becomes held, and when the last one lets go", () => {
    const holds = new Holds();
    const digest = digestOf(Buffer.from("a"));
    const told: string[] = [];
    holds.watch({ held: () => told.push("held"), freed: () => told.push("freed") });
    holds.release(digest);
    holds.hold(digest);
    holds.hold(digest);
    holds.release(digest);
    expect(told).toEqual(["held"]);
    holds.release(digest);
    expect(told).toEqual(["held", "freed"]);
  });

  it("are all kept during a backup, also those that come and go meanwhile", () => {
    const holds = new Holds();
    const told: string[] = [];
    const [one, other, late] = ["a", "b", "c"].map((text) => digestOf(Buffer.from(text)));
    if (one === undefined || other === undefined || late === undefined) return;
    holds.hold(one);
    holds.hold(other);
    holds.watch({
      held: (digest) => told.push(`+${digest}`),
      freed: (digest) => told.push(digest),
    });
    const [first, second] = [holds.keepAll(), holds.keepAll()];
    holds.hold(late);
    holds.release(late);
    holds.release(one);
    holds.release(other);
    holds.hold(other);
    first();
    first();
    expect([one, other, late].map((digest) => holds.isHeld(digest))).toEqual([true, true, true]);
    expect(told).toEqual([`+${late}`]);
    second();
    expect([one, other, late].map((digest) => holds.isHeld(digest))).toEqual([false, true, false]);
    expect(told.slice(1).sort()).toEqual([one, late].sort());
    holds.release(other);
    expect(told.at(-1)).toBe(other);
  });
});
