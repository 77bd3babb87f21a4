import { describe, expect, it } from "vitest";
import { hostedRules } from "../../../src/app/settings/hosted-kinds.ts";

const day = 86_400_000;

describe("what a rule of HOSTED_RULES keeps", () => {
  it("has times with their unit, tags by pattern, and a number of them", () => {
    const keep = {
      tags: ["pr-*", "/^v\\d/"],
      last: 10,
      pushed: "7d",
      pulled: "30 d",
      untagged: "0",
    };
    expect(hostedRules.parse([{ repositories: ["ci/**"], keep }])).toEqual([
      {
        repositories: ["ci/**"],
        keep: { tags: keep.tags, last: 10, pushed: 7 * day, pulled: 30 * day, untagged: 0 },
      },
    ]);
  });

  it("is refused when it makes no sense", () => {
    for (const keep of [{ latest: 3 }, { pulled: 30 }, { last: -1 }, { tags: ["/(/"] }, "10"]) {
      expect(() => hostedRules.parse([{ keep }]), JSON.stringify(keep)).toThrow(/rule 1/);
    }
  });
});
