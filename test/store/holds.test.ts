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
});
