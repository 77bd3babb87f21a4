import { describe, expect, it } from "vitest";
import type { CacheOutcome } from "../../../src/cache/content.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { askedRange, planContent } from "../../../src/registry/answer/content-plan.ts";

const digest = digestOf(Buffer.from("x"));
type Fields = Record<string, string>;

function plan(fields: Fields, size: number | undefined = 100, outcome: CacheOutcome = "hit") {
  return planContent("GET", headerList(fields), { digest, outcome, size });
}

describe("what goes out", () => {
  it.each<[string, Fields, string]>([
    ["without a Range", {}, "whole"],
    ["for one range", { range: "bytes=0-9" }, "part"],
    [
      "for one range meant for these bytes",
      { range: "bytes=0-9", "if-range": `"${digest}"` },
      "part",
    ],
    ["for a range meant for other bytes", { range: "bytes=0-9", "if-range": '"x"' }, "whole"],
    ["for a range with a weak tag", { range: "bytes=0-9", "if-range": `W/"${digest}"` }, "whole"],
    [
      "for a range with a date",
      { range: "bytes=0-9", "if-range": "Mon, 01 Jan 2029 00:00:00 GMT" },
      "whole",
    ],
    ["for several ranges", { range: "bytes=0-9,20-29" }, "parts"],
    ["for several of which one is beyond the end", { range: "bytes=0-9,200-" }, "whole"],
    ["for several that overlap to more than all", { range: "bytes=0-99,0-99" }, "whole"],
    ["for the same ETag", { "if-none-match": `"${digest}"`, range: "bytes=0-9" }, "unchanged"],
    ["for any ETag", { "if-none-match": "*" }, "unchanged"],
    ["for another ETag", { "if-none-match": `"${digest}x"` }, "whole"],
  ])("%s: %s", (_, fields, kind) => {
    expect(plan(fields)).toMatchObject({ kind });
  });

  it.each<[CacheOutcome, string]>([
    ["hit", "parts"],
    ["revalidated", "parts"],
    ["stale", "parts"],
    ["miss", "whole"],
    ["collapsed", "whole"],
  ])("for several ranges of a %s: %s", (outcome, kind) => {
    expect(plan({ range: "bytes=0-1,4-5" }, 100, outcome)).toMatchObject({ kind });
  });

  it("is everything while the size is unknown, and of nothing", () => {
    const headers = headerList({ range: "bytes=0-" });
    const unsized = { digest, outcome: "miss", size: undefined } as const;
    expect(planContent("GET", headers, unsized)).toEqual({ kind: "whole" });
    expect(plan({ range: "bytes=0-" }, 0)).toEqual({ kind: "whole" });
  });

  it("ignores a Range on HEAD", () => {
    const headers = headerList({ range: "bytes=0-9" });
    const shape = { digest, outcome: "hit", size: 100 } as const;
    expect(planContent("HEAD", headers, shape)).toEqual({ kind: "whole" });
  });

  it("is a 416 when nothing of it exists", () => {
    expect(() => plan({ range: "bytes=100-" })).toThrow(
      expect.objectContaining({ code: "RANGE_INVALID", status: 416 }),
    );
  });
});

describe("the range a client asks for", () => {
  it("is what the cache is told too", () => {
    expect(askedRange(headerList({ range: "bytes=5-" }), digest)).toEqual([
      { kind: "from", start: 5, end: undefined },
    ]);
    expect(
      askedRange(headerList({ range: "bytes=5-", "if-range": '"x"' }), digest),
    ).toBeUndefined();
    expect(askedRange(headerList({}), digest)).toBeUndefined();
  });
});
