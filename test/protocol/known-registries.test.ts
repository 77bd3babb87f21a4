import { describe, expect, it } from "vitest";
import { hostMatcher } from "../../src/protocol/host-pattern.ts";
import { builtInRealmPairs, builtInRegistries } from "../../src/protocol/known-registries.ts";
import { canonicalRegistry } from "../../src/protocol/registry-name.ts";

describe("what is built in", () => {
  it("knows the registries everybody uses", () => {
    for (const host of ["docker.io", "quay.io", "us.gcr.io", "lscr.io", "nvcr.io"]) {
      expect(hostMatcher(builtInRegistries)({ host, port: 443 })).toBe(true);
    }
  });

  it("spells its pairs canonically", () => {
    for (const { registry, tokenHost } of builtInRealmPairs) {
      expect(canonicalRegistry(registry)).toBe(registry);
      expect(canonicalRegistry(tokenHost)).toBe(tokenHost);
    }
  });
});
