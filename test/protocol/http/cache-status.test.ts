import { describe, expect, it } from "vitest";
import { type CacheStatus, printCacheStatus } from "../../../src/protocol/http/caching-fields.ts";

describe("Cache-Status", () => {
  it.each<[CacheStatus, string]>([
    [{ isHit: true }, "c; hit"],
    [{ fwd: "miss", isStored: true }, "c; fwd=miss; stored"],
    [{ fwd: "miss", isCollapsed: true }, "c; fwd=miss; collapsed"],
    [{ fwd: "stale", fwdStatus: 304 }, "c; fwd=stale; fwd-status=304"],
    [{ detail: "DNS" }, "c; detail=DNS"],
    [{ detail: 'not "a" token' }, 'c; detail="not \\"a\\" token"'],
    [{ detail: "4" }, 'c; detail="4"'],
    [{ detail: "a\r\nX: y" }, 'c; detail="a??X: y"'],
    [{}, "c"],
  ])("of %j is %s", (status, text) => {
    expect(printCacheStatus("c", status)).toBe(text);
  });
});
