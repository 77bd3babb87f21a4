import { describe, expect, it } from "vitest";
import { parseHostPort } from "../../src/protocol/http/host-port.ts";
import {
  builtInRealmPairs,
  builtInRegistries,
  matchesHostPattern,
} from "../../src/protocol/known-registries.ts";
import { canonicalRegistry } from "../../src/protocol/registry-name.ts";

function matches(pattern: string, host: string): boolean {
  const address = parseHostPort(host, 443);
  if (address === undefined) throw new Error(`not a host: ${host}`);
  return matchesHostPattern(pattern, address);
}

describe("matchesHostPattern", () => {
  it.each([
    ["ghcr.io", "ghcr.io"],
    ["GHCR.io.", "ghcr.io"],
    ["ghcr.io", "ghcr.io:80"],
    ["registry.lan:5000", "registry.lan:5000"],
    ["*.gcr.io", "eu.gcr.io"],
    ["*.corp.example", "a.b.corp.example"],
    ["*.corp.example:5000", "a.corp.example:5000"],
    ["*-docker.pkg.dev", "europe-west1-docker.pkg.dev"],
    ["*.dkr.ecr.*.amazonaws.com", "123.dkr.ecr.eu-west-1.amazonaws.com"],
    ["[::1]:5000", "[::1]:5000"],
  ])("%s means %s", (pattern, host) => {
    expect(matches(pattern, host)).toBe(true);
  });

  it.each([
    ["ghcr.io", "ghcr.io:5000"],
    ["ghcr.io", "evil-ghcr.io"],
    ["ghcr.io", "ghcr.io.evil.example"],
    ["registry.lan:5000", "registry.lan"],
    ["*.gcr.io", "gcr.io"],
    ["*.gcr.io", "evilgcr.io"],
    ["*.gcr.io", "eu.gcr.io:8443"],
    ["*-docker.pkg.dev", "a.b-docker.pkg.dev"],
    ["*-docker.pkg.dev", "x-docker.pkg.dev.evil.example"],
    ["*.dkr.ecr.*.amazonaws.com", "1.dkr.ecr.a.b.amazonaws.com"],
    ["not a host", "ghcr.io"],
  ])("%s does not mean %s", (pattern, host) => {
    expect(matches(pattern, host)).toBe(false);
  });

  it("knows the registries everybody uses", () => {
    for (const host of ["docker.io", "quay.io", "us.gcr.io", "lscr.io", "nvcr.io"]) {
      expect(builtInRegistries.some((pattern) => matches(pattern, host))).toBe(true);
    }
  });

  it("spells its pairs canonically", () => {
    for (const { registry, tokenHost } of builtInRealmPairs) {
      expect(canonicalRegistry(registry)).toBe(registry);
      expect(canonicalRegistry(tokenHost)).toBe(tokenHost);
    }
  });
});
