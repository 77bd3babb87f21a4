import { describe, expect, it } from "vitest";
import { hostMatcher } from "../../src/protocol/host-pattern.ts";
import { parseHostPort } from "../../src/protocol/http/host-port.ts";

function matches(pattern: string, host: string): boolean {
  const address = parseHostPort(host, 443);
  if (address === undefined) throw new Error(`not a host: ${host}`);
  return hostMatcher([pattern])(address);
}

describe("a host pattern", () => {
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

  it("is one of several, exact or not, with ports of their own", () => {
    const isMeant = hostMatcher(["ghcr.io", "reg.lan:5000", "*.gcr.io", "*.lab:8443"]);
    const meant = ["ghcr.io:443", "reg.lan:5000", "eu.gcr.io:80", "a.lab:8443"];
    const others = ["ghcr.io:5000", "reg.lan:443", "gcr.io:443", "a.lab:443"];
    const asked = (text: string) => isMeant(parseHostPort(text) ?? { host: "", port: 0 });
    expect(meant.map(asked)).toEqual(meant.map(() => true));
    expect(others.map(asked)).toEqual(others.map(() => false));
  });
});
