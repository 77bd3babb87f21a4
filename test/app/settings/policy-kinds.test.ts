import { describe, expect, it } from "vitest";
import { policy } from "../../../src/app/settings/policy-kinds.ts";

const denied = (raw: unknown) => policy.parse({ deny: [raw] }).deny[0];

describe("a policy", () => {
  it("may be rules for tags alone", () => {
    const rules = [
      { registry: "docker.io", repository: "library/*", tag: "latest", ttl: "1 h" },
      { tag: "/^v\\d+$/", immutable: true },
      { repository: "lab/**", no_cache: "yes" },
    ];
    const tags = [
      { registry: "docker.io", repository: "library/*", tag: "latest", ttl: 3_600_000 },
      { tag: "/^v\\d+$/", immutable: true },
      { repository: "lab/**", noCache: true },
    ];
    expect(policy.parse(rules)).toEqual({ allow: [], deny: [], tags });
    expect(policy.parse({ tags: rules })).toEqual({ allow: [], deny: [], tags });
    expect(policy.parse({ deny: null })).toEqual({ allow: [], deny: [], tags: [] });
  });

  it.each([
    ["ghcr.io", { registry: "ghcr.io" }],
    ["GHCR.io/team/**", { registry: "ghcr.io", repository: "team/**" }],
    ["registry.lan:5000/a/b:1.*", { registry: "registry.lan:5000", repository: "a/b", tag: "1.*" }],
    ["registry.lan:5000", { registry: "registry.lan:5000" }],
    ["localhost:5000/x", { registry: "localhost:5000", repository: "x" }],
    ["*/**:latest", { registry: "*", repository: "**", tag: "latest" }],
    ["*.gcr.io/x", { registry: "*.gcr.io", repository: "x" }],
    ["registry-1.docker.io/library/a", { registry: "docker.io", repository: "library/a" }],
    ["ghcr.io:443/a", { registry: "ghcr.io", repository: "a" }],
    ["docker.io/alpine:edge", { registry: "docker.io", repository: "library/alpine", tag: "edge" }],
    ["docker.io/*", { registry: "docker.io", repository: "library/*" }],
    ["docker.io/**", { registry: "docker.io", repository: "**" }],
  ])("reads %s", (written, pattern) => {
    expect(denied(written)).toEqual({ text: written, ...pattern });
  });

  it("reads maps, and a single entry that is no list", () => {
    expect(denied({ registry: "docker.io", repository: "alpine", tag: "/^edge/" })).toEqual({
      ...{ text: "docker.io/alpine:/^edge/", registry: "docker.io" },
      ...{ repository: "library/alpine", tag: "/^edge/" },
    });
    expect(denied({ tag: "latest" })).toEqual({ text: "*/**:latest", tag: "latest" });
    expect(policy.parse({ allow: "ghcr.io/a quay.io" }).allow).toHaveLength(2);
    expect(policy.parse({ allow: { registry: "ghcr.io" } }).allow).toHaveLength(1);
  });

  it.each<[unknown, RegExp]>([
    ["latest", /is neither a map nor a list/],
    [{ alow: [] }, /unknown field alow in its map/],
    [{ allow: [] }, /has an empty list allow/],
    [{ deny: "" }, /has an empty list deny/],
    [{ deny: ["alpine"] }, /has "alpine" as entry 1 of deny/],
    [{ deny: ["library/alpine"] }, /has "library\/alpine" as entry 1/],
    [{ deny: ["ghcr.io/Team"] }, /has "ghcr.io\/Team"/],
    [{ deny: ["ghcr.io/a@sha256:00"] }, /has "…@sha256:00"/],
    [{ deny: ["ghcr.io/"] }, /has "ghcr.io\/"/],
    [{ deny: ["https://ghcr.io/a"] }, /has "https:\/\/ghcr.io\/a"/],
    [{ deny: ["ghcr.io", 5] }, /has "5" as entry 2 of deny/],
    [{ deny: [{}] }, /has nothing in entry 1 of deny/],
    [{ deny: [{ repo: "x" }] }, /unknown field repo in entry 1 of deny/],
    [{ deny: [{ registry: "alpine" }] }, /registry of entry 1 of deny makes no sense/],
    [{ deny: [{ tag: "/(/" }] }, /tag pattern in entry 1 of deny/],
    [{ tags: {} }, /tags of its map makes no sense/],
    [[{ ttll: "1 h" }], /unknown field ttll in rule 1/],
    [[{}, { tag: "/(/" }], /tag pattern in rule 2/],
    [[{ ttl: 5 }], /ttl of rule 1 makes no sense/],
  ])("is not %j", (raw, sentence) => {
    expect(() => policy.parse(raw)).toThrow(sentence);
  });
});
