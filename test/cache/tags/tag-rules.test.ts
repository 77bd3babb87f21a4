import { describe, expect, it } from "vitest";
import { TagRules, type TagRuleText } from "../../../src/cache/tags/freshness.ts";
import { manifestAsk } from "../support/house.ts";

function ruleFor(rules: readonly TagRuleText[], image: string) {
  const { registry, repository, reference } = manifestAsk(image);
  if (reference.kind !== "tag") throw new TypeError(image);
  return new TagRules(rules, 10_000).ruleFor(registry.name, repository, reference.tag);
}

describe("tag rules", () => {
  const rules: readonly TagRuleText[] = [
    {
      registry: "docker.io",
      repository: "library/*",
      tag: "/^\\d+\\.\\d+\\.\\d+$/",
      immutable: true,
    },
    { registry: "*.corp.example", noCache: true },
    { repository: "team/**", ttl: 60_000 },
    { tag: "v1.?", ttl: 1_000 },
  ];

  it.each([
    ["docker.io/library/alpine:3.20.1", { isImmutable: true }],
    ["docker.io/library/alpine:3.20", { ttl: 10_000, isImmutable: false }],
    ["docker.io/other/alpine:3.20.1", { isImmutable: false }],
    ["docker.io/library/a/b:3.20.1", { isImmutable: false }],
    ["hub.corp.example/x:1", { isNoCache: true }],
    ["hub.corp.example:80/x:1", { isNoCache: true }],
    ["hub.corp.example:5000/x:1", { isNoCache: false }],
    ["corp.example/x:1", { isNoCache: false }],
    ["ghcr.io/team/a/b:1", { ttl: 60_000 }],
    ["ghcr.io/x:v1.2", { ttl: 1_000 }],
    ["ghcr.io/x:v1x2", { ttl: 10_000 }],
    ["ghcr.io/x:v1.22", { ttl: 10_000 }],
  ])("%s", (image, expected) => {
    expect(ruleFor(rules, image)).toMatchObject(expected);
  });

  it("refuse a malformed expression when they are read", () => {
    expect(() => new TagRules([{ tag: "/(/" }], 1)).toThrow(SyntaxError);
  });
});
