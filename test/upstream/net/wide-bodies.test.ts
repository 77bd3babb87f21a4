import { describe, expect, it } from "vitest";
import { WideBodies } from "../../../src/upstream/net/wide-bodies.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const pieceBytes = 1024 * 1024;

describe("pieces of what comes fast", () => {
  it("are those of the body before, until nobody has used any for ten seconds", () => {
    const clock = new SteppedClock();
    const wide = new WideBodies(clock.after);
    const first = wide.take();
    expect([first.length, first.buffer instanceof SharedArrayBuffer]).toEqual([pieceBytes, true]);
    expect(wide.putBack(first.subarray(0, 5))).toBe(true);
    clock.pass(9_999);
    const second = wide.take();
    expect([second.length, second.buffer]).toEqual([pieceBytes, first.buffer]);
    expect(wide.take().buffer).not.toBe(first.buffer);
    wide.putBack(second);
    clock.pass(10_000);
    expect(wide.take().buffer).not.toBe(first.buffer);
  });

  it("are kept for eight bodies, and no other memory is", () => {
    const wide = new WideBodies(new SteppedClock().after);
    expect(wide.putBack(Buffer.alloc(256 * 1024))).toBe(false);
    const pieces = Array.from({ length: 25 }, () => wide.take());
    for (const piece of pieces) wide.putBack(piece);
    const known = new Set(pieces.map(({ buffer }) => buffer));
    const again = Array.from({ length: 25 }, () => known.has(wide.take().buffer));
    expect(again).toEqual([...Array(24).fill(true), false]);
  });
});
