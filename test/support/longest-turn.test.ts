import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { longestTurn, timeSpent } from "./longest-turn.ts";

/** Of the thread's own time: the machine may have other work. */
function spin(milliseconds: number): void {
  const until = used() + milliseconds;
  while (used() < until);
}

function used(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

describe("the longest turn", () => {
  it("is that of work which lets nobody else run", async () => {
    expect(await longestTurn(async () => spin(60))).toBeGreaterThanOrEqual(50);
  });

  it("is short when the same work is done in pieces", async () => {
    const inPieces = async () => {
      for (let piece = 0; piece < 12; piece += 1) {
        spin(5);
        await nextTurn();
      }
    };
    expect(await longestTurn(inPieces)).toBeLessThan(40);
  });
});

describe("the time spent on work", () => {
  it("is what the thread itself took for it", () => {
    expect(timeSpent(() => spin(60))).toBeGreaterThanOrEqual(50);
    expect(timeSpent(() => undefined)).toBeLessThan(40);
  });
});
