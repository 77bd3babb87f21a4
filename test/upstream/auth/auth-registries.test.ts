import { describe, expect, it } from "vitest";
import { formatHostPort } from "../../../src/protocol/http/host-port.ts";
import {
  parseAuthRegistries,
  refuseDuplicates,
} from "../../../src/upstream/auth/auth-registries.ts";
import { CredentialError } from "../../../src/upstream/auth/credential-error.ts";

type Delimiters = { entries: string; fields: string };

function read(text: string, delimiters?: Delimiters): unknown[] {
  return parseAuthRegistries(text, delimiters).map(({ address, login }) => {
    if (login.kind !== "password") throw new Error("no password");
    return [formatHostPort(address), login.user, login.password];
  });
}

function errorOf(text: string, delimiters?: Delimiters): CredentialError {
  try {
    parseAuthRegistries(text, delimiters);
  } catch (error) {
    if (error instanceof CredentialError) return error;
  }
  throw new Error("no CredentialError");
}

describe("AUTH_REGISTRIES", () => {
  it.each([
    ["auth.docker.io:bob:CANARY-a", [["auth.docker.io:443", "bob", "CANARY-a"]]],
    [
      "auth.docker.io:bob:CANARY-a registry.corp.example:8443:eve:CANARY-b\n",
      [
        ["auth.docker.io:443", "bob", "CANARY-a"],
        ["registry.corp.example:8443", "eve", "CANARY-b"],
      ],
    ],
    ["ghcr.io:bob:CANARY:with:colons", [["ghcr.io:443", "bob", "CANARY:with:colons"]]],
    ["ghcr.io:5000:bob:CANARY:x:", [["ghcr.io:5000", "bob", "CANARY:x:"]]],
    ["ghcr.io:123:CANARY", [["ghcr.io:443", "123", "CANARY"]]],
    ["ghcr.io:bob:CANARY-ü€\\'\"$%40", [["ghcr.io:443", "bob", "CANARY-ü€\\'\"$%40"]]],
    ["nvcr.io:$oauthtoken:CANARY", [["nvcr.io:443", "$oauthtoken", "CANARY"]]],
    ["[::1]:5000:bob:CANARY", [["[::1]:5000", "bob", "CANARY"]]],
    ["[::1]:bob:CANARY", [["[::1]:443", "bob", "CANARY"]]],
    ["https://index.docker.io/v1/:alice:CANARY", [["index.docker.io:443", "alice", "CANARY"]]],
    ["https://ghcr.io:alice:CANARY", [["ghcr.io:443", "alice", "CANARY"]]],
    ["HTTPS://ghcr.io/:alice:CANARY", [["ghcr.io:443", "alice", "CANARY"]]],
    ["https://reg.lan:5000/v2/:alice:CANARY", [["reg.lan:5000", "alice", "CANARY"]]],
    ["index.docker.io/v1/:alice:CANARY", [["index.docker.io:443", "alice", "CANARY"]]],
    ["hub.docker.com:alice:CANARY", [["docker.io:443", "alice", "CANARY"]]],
    ["https://registry.hub.docker.com:alice:CANARY", [["docker.io:443", "alice", "CANARY"]]],
    ["ghcr.io:alice:CANARY/v1/:x", [["ghcr.io:443", "alice", "CANARY/v1/:x"]]],
    ["ghcr.io:alice:https://CANARY", [["ghcr.io:443", "alice", "https://CANARY"]]],
    ["  \n ", []],
  ])("reads %s", (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it("takes docker-registry-proxy's delimiters, for passwords that are JSON", () => {
    const key = '{"type": "service_account", "private_key": "CANARY-x\\ny:z"}';
    const text = `eu.gcr.io:::_json_key:::${key};;; ghcr.io:8443:::bob:::CANARY`;
    expect(read(text, { entries: ";;;", fields: ":::" })).toEqual([
      ["eu.gcr.io:443", "_json_key", key],
      ["ghcr.io:8443", "bob", "CANARY"],
    ]);
  });

  it.each([
    ["CANARY-only", /entry 1 of AUTH_REGISTRIES .* write host\[:port\]:user:password/],
    ["ghcr.io:bob", /entry 1 of AUTH_REGISTRIES has no password/],
    ["ghcr.io:bob:", /has no password/],
    ["ghcr.io::CANARY", /has no user/],
    ["a.example:b:CANARY-1 ex_ample!:bob:CANARY-2", /entry 2 .* does not begin with a host/],
    ["0x7f.1:bob:CANARY", /does not begin with a host/],
    ["ghcr.io:70000:bob:CANARY", /does not begin with a host/],
    [
      "http://ghcr.io:alice:CANARY",
      /begins with http:\/\/, and logins go over https only; write host/,
    ],
    ["ghcr.io/team:alice:CANARY", /has a path behind its host; write host/],
  ])("refuses %s with a sentence and without the secret", (text, sentence) => {
    expect(errorOf(text).code).toBe("SYNTAX");
    expect(errorOf(text).message).toMatch(sentence);
    expect(errorOf(text).message).not.toContain("CANARY");
  });

  it("refuses a user with a colon and empty delimiters", () => {
    expect(errorOf("a.example;b:c;CANARY", { entries: " ", fields: ";" }).message).toMatch(/colon/);
    expect(errorOf("a.example:b:CANARY", { entries: "", fields: ":" }).message).toMatch(/empty/);
  });

  it.each([
    "ghcr.io:a:CANARY-1 ghcr.io:b:CANARY-2",
    "ghcr.io:a:CANARY-1 GHCR.io:443:b:CANARY-2",
    "docker.io:a:CANARY-1 index.docker.io:b:CANARY-2",
  ])("refuses the same host and port twice: %s", (text) => {
    expect(errorOf(text).code).toBe("DUPLICATE");
    expect(errorOf(text).message).toMatch(/two credentials for/);
    expect(errorOf(text).message).not.toContain("CANARY");
  });

  it("takes a registry and its token host, and other ports of one host", () => {
    expect(
      read("docker.io:a:CANARY auth.docker.io:b:CANARY ghcr.io:c:CANARY ghcr.io:1:d:CANARY"),
    ).toHaveLength(4);
  });

  it("lets one host have several entries for several repositories", () => {
    const [entry] = parseAuthRegistries("ghcr.io:a:CANARY");
    if (entry === undefined) throw new Error("no entry");
    refuseDuplicates([entry, { ...entry, repositories: ["team/*"] }]);
    expect(() => refuseDuplicates([entry, { ...entry, repositories: [] }])).toThrow(
      CredentialError,
    );
  });
});
