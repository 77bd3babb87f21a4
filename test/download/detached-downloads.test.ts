import { describe, expect, it } from "vitest";
import { DetachedDownloads } from "../../src/download/detached-downloads.ts";
import { TestClock } from "../support/test-clock.ts";

const limits = { count: 2, bytes: 100, milliseconds: 60_000 };

function scene() {
  const clock = new TestClock();
  const ended: string[] = [];
  const detached = new DetachedDownloads(limits, clock);
  const leave = (name: string, size: number | undefined, received = 0) => {
    const download = { progress: { size, received }, abandon: () => ended.push(name) };
    return detached.add(download);
  };
  return { clock, ended, leave };
}

describe("downloads that nobody reads", () => {
  it("are at most so many", () => {
    const { ended, leave } = scene();
    for (const name of ["a", "b", "c"]) leave(name, 1);
    expect(ended).toEqual(["c"]);
  });

  it("are at most so large in all, by what came when the length is unknown", () => {
    const { ended, leave } = scene();
    leave("a", 60);
    leave("b", 41);
    leave("c", undefined, 40);
    expect(ended).toEqual(["b"]);
  });

  it("go on for so long", () => {
    const { ended, leave, clock } = scene();
    leave("a", 1);
    expect(ended).toEqual([]);
    clock.pass(60_000);
    expect(ended).toEqual(["a"]);
  });

  it("are none any more once somebody reads them or they are over", () => {
    const { ended, leave, clock } = scene();
    const attend = leave("a", 60);
    attend();
    attend();
    expect(clock.waiting).toBe(0);
    leave("b", 60);
    expect(ended).toEqual([]);
  });
});
