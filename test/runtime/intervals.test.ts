import { describe, expect, it } from "vitest";
import { Intervals } from "../../src/runtime/intervals.ts";

describe("intervals", () => {
  it.each([
    ["nothing", [], [0, 1], 0],
    [
      "one that grows",
      [
        [0, 5],
        [5, 9],
      ],
      [9, 9],
      9,
    ],
    [
      "a gap",
      [
        [0, 5],
        [7, 9],
      ],
      [5, 7],
      9,
    ],
    [
      "a gap that closes",
      [
        [0, 5],
        [7, 9],
        [5, 7],
      ],
      [9, 9],
      9,
    ],
    [
      "overlaps",
      [
        [3, 6],
        [8, 10],
        [0, 4],
        [5, 9],
      ],
      [10, 10],
      10,
    ],
    [
      "one within another",
      [
        [0, 9],
        [2, 3],
      ],
      [9, 9],
      9,
    ],
    ["an empty one", [[4, 4]], [0, 1], 0],
    [
      "three in any order",
      [
        [10, 20],
        [30, 40],
        [0, 5],
      ],
      [5, 10],
      40,
    ],
  ] as const)("know %s", (_, added, [first, second], end) => {
    const intervals = new Intervals();
    for (const [start, stop] of added) intervals.add(start, stop);
    expect(intervals.endOf(0)).toBe(first);
    expect(intervals.endOf(first)).toBe(first);
    expect(first === second || intervals.endOf(second - 1) === second - 1).toBe(true);
    expect(intervals.end).toBe(end);
  });

  it("say what random ones in any order say byte by byte", () => {
    const random = randomFrom(7);
    for (let round = 0; round < 200; round += 1) {
      const intervals = new Intervals();
      const bytes = new Set<number>();
      for (let count = 0; count < 12; count += 1) {
        const start = random(60);
        const end = start + random(12);
        intervals.add(start, end);
        for (let at = start; at < end; at += 1) bytes.add(at);
      }
      expect(ends(80, (at) => intervals.endOf(at))).toEqual(ends(80, (at) => runEnd(bytes, at)));
      expect(intervals.end).toBe(Math.max(0, ...[...bytes].map((at) => at + 1)));
      expect(intervals.total).toBe(bytes.size);
      const next = (at: number) => beginnings(bytes).find((start) => start > at) ?? -1;
      expect(ends(80, (at) => intervals.nextAfter(at) ?? -1)).toEqual(ends(80, next));
      expect(new Intervals(intervals.all).all).toEqual(intervals.all);
    }
  });
});

function ends(count: number, endOf: (at: number) => number): number[] {
  return Array.from({ length: count }, (_, at) => endOf(at));
}

function runEnd(bytes: ReadonlySet<number>, at: number): number {
  return bytes.has(at) ? runEnd(bytes, at + 1) : at;
}

function beginnings(bytes: ReadonlySet<number>): number[] {
  return [...bytes].filter((at) => !bytes.has(at - 1)).sort((one, other) => one - other);
}

function randomFrom(start: number): (below: number) => number {
  let seed = start;
  return (below) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
}
