import { describe, expect, it } from "vitest";
import { parseHostPort } from "../../../src/protocol/http/host-port.ts";
import { builtInRealmPairs } from "../../../src/protocol/known-registries.ts";
import { parseAuthRealm, RealmPairs } from "../../../src/upstream/auth/realm-pairs.ts";
import { registry } from "./loopback.ts";

function address(text: string) {
  const parsed = parseHostPort(text, 443);
  if (parsed === undefined) throw new Error(`not a host: ${text}`);
  return parsed;
}

function arePaired(
  one: string,
  other: string,
  options: { realms?: string; named?: string[] } = {},
) {
  const pairs = new RealmPairs({
    known: builtInRealmPairs,
    configured: (options.realms ?? "")
      .split(/[\s,]+/)
      .flatMap((pair) => parseAuthRealm(pair) ?? []),
    named: (options.named ?? []).map(address),
  });
  return pairs.arePaired(registry(one).name, address(other));
}

describe("a registry and its token host", () => {
  it.each([
    ["ghcr.io", "ghcr.io"],
    ["ghcr.io", "ghcr.io."],
    ["reg.example:5000", "REG.example:5000"],
    ["docker.io", "auth.docker.io"],
    ["registry-1.docker.io", "auth.docker.io"],
    ["docker.io", "registry-1.docker.io"],
    ["registry.gitlab.com", "gitlab.com"],
  ])("%s has its tokens from %s", (one, other) => {
    expect(arePaired(one, other)).toBe(true);
  });

  // Prefix, suffix, case, dot, port, and what else has been tried on others.
  it.each([
    ["docker.io", "auth.docker.io.evil.example"],
    ["docker.io", "evil-auth.docker.io"],
    ["docker.io", "auth.docker.io:8443"],
    ["docker.io", "docker.io.evil.example"],
    ["docker.io", "gitlab.com"],
    ["auth.docker.io", "docker.io"],
    ["evil.example", "auth.docker.io"],
    ["ghcr.io", "ghcr.io:444"],
    ["ghcr.io:444", "ghcr.io"],
    ["a.azurecr.io", "b.azurecr.io"],
    ["reg.corp.example", "auth.corp.example"],
  ])("%s does not have its tokens from %s", (one, other) => {
    expect(arePaired(one, other)).toBe(false);
  });

  it("believes AUTH_REALMS", () => {
    const realms = "reg.example.com=git.example.com, other.example:5000=git.example.com:8443";
    expect(arePaired("reg.example.com", "git.example.com", { realms })).toBe(true);
    expect(arePaired("other.example:5000", "git.example.com:8443", { realms })).toBe(true);
    expect(arePaired("git.example.com", "reg.example.com", { realms })).toBe(false);
    expect(arePaired("other.example:5000", "git.example.com", { realms })).toBe(false);
  });

  it.each(["reg", "reg.example=", "=b.example", "a.example=b.example=c.example", "a b_c"])(
    "takes AUTH_REALMS=%s for no pair",
    (realms) => {
      expect(parseAuthRealm(realms)).toBeUndefined();
    },
  );

  it.each([
    ["reg.corp.example", "auth.corp.example", true],
    ["reg.corp.example:5000", "auth.corp.example", true],
    ["reg.a.corp.example", "auth.b.corp.example", true],
    ["corp.example", "auth.corp.example", true],
    ["reg.example", "auth.example", false],
    ["reg.co.uk", "auth.co.uk", false],
    ["reg.corp.co.uk", "auth.corp.co.uk", true],
    ["reg.com.au", "auth.com.au", false],
    ["mine.azurecr.io", "theirs.azurecr.io", false],
    ["mine.westeurope.cloudapp.azure.com", "theirs.westeurope.cloudapp.azure.com", false],
    ["mine.10-0-0-1.nip.io", "theirs.10-0-0-1.nip.io", false],
    ["mine.hf.space", "theirs.hf.space", false],
    ["mine.r2.dev", "theirs.r2.dev", false],
    ["mine.blogspot.com", "theirs.blogspot.com", false],
    ["mine.s3.eu-west-1.amazonaws.com", "theirs.s3.eu-west-1.amazonaws.com", false],
    ["reg.mine.hf.space", "auth.mine.hf.space", true],
    ["reg.corp.com.br", "auth.corp.com.br", true],
    ["reg.city.kawasaki.jp", "auth.city.kawasaki.jp", true],
    ["reg.other.kawasaki.jp", "auth.other.kawasaki.jp", false],
    ["mine.trycloudflare.com", "theirs.trycloudflare.com", false],
    ["mine.ngrok-free.app", "theirs.ngrok-free.app", false],
    ["mine.s3.amazonaws.com", "theirs.s3.amazonaws.com", false],
    ["reg.lan", "auth.lan", false],
    ["10.0.0.1", "10.0.0.2", false],
    ["reg.corp.example", "auth.evil.example", false],
  ])("named by the operator, %s and %s: %s", (one, other, expected) => {
    expect(arePaired(one, other, { named: [one, other] })).toBe(expected);
    expect(arePaired(one, other, { named: [one] })).toBe(false);
  });

  it("finds the registries of a token host", () => {
    const pairs = new RealmPairs({
      known: builtInRealmPairs,
      named: [address("reg.corp.example"), address("git.corp.example")],
    });
    const of = (host: string) => pairs.registriesOf(registry(host).name);
    expect(of("auth.docker.io")).toEqual(["auth.docker.io", "docker.io"]);
    expect(of("git.corp.example")).toEqual(["git.corp.example", "reg.corp.example"]);
    expect(of("ghcr.io")).toEqual(["ghcr.io"]);
    pairs.setNamed([]);
    expect(of("git.corp.example")).toEqual(["git.corp.example"]);
  });
});
