import { describe, expect, it } from "vitest";
import { formatHostPort } from "../../../src/protocol/http/host-port.ts";
import type { CredentialEntry } from "../../../src/upstream/auth/credential.ts";
import {
  mergeEntries,
  parseDockerConfig,
  storeEntries,
} from "../../../src/upstream/auth/docker-config.ts";

const auth = Buffer.from("bob:CANARY:pass").toString("base64");

function plain(entries: readonly CredentialEntry[]): unknown[] {
  return entries.map(({ address, repositories, login }) => [
    formatHostPort(address, 443),
    repositories ?? "all",
    login,
  ]);
}

const bob = { kind: "password", user: "bob", password: "CANARY:pass" };

describe("a docker config.json", () => {
  it("gives the logins of auths, under docker's names for hosts", () => {
    const { entries, store } = parseDockerConfig(
      JSON.stringify({
        auths: {
          "https://index.docker.io/v1/": { auth },
          "ghcr.io": { auth: "", identitytoken: "CANARY-refresh" },
          "https://reg.example:5000/v2/": { username: "bob", password: "CANARY:pass" },
          "quay.io/team": { auth },
          "empty.example": {},
          "not a host": { auth },
          "broken.example": { auth: "!!" },
        },
        HttpHeaders: { "User-Agent": "x" },
      }),
      "/c.json",
    );
    expect(plain(entries)).toEqual([
      ["index.docker.io", "all", bob],
      ["ghcr.io", "all", { kind: "identity", token: "CANARY-refresh" }],
      ["reg.example:5000", "all", bob],
      ["quay.io", ["team", "team/**"], bob],
    ]);
    expect(store).toBeUndefined();
  });

  it("names the helpers, which go before auths", () => {
    const { entries, store } = parseDockerConfig(
      JSON.stringify({
        auths: { "1.dkr.ecr.eu-west-1.amazonaws.com": { auth }, "ghcr.io": {} },
        credHelpers: { "1.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login", "bad.example": 5 },
        credsStore: "pass",
      }),
      "/c.json",
    );
    const server = "1.dkr.ecr.eu-west-1.amazonaws.com";
    expect(plain(entries)).toEqual([
      [server, "all", { kind: "helper", helper: "ecr-login", server }],
    ]);
    expect(store).toBe("pass");
  });

  it("takes the servers of a store, and the first entry of two", () => {
    const stored = storeEntries("pass", ["https://index.docker.io/v1/", "ghcr.io"]);
    const own = parseDockerConfig(
      JSON.stringify({ auths: { "docker.io": { auth } } }),
      "/c.json",
    ).entries;
    expect(mergeEntries(own, stored).map((entry) => entry.login.kind)).toEqual([
      "password",
      "helper",
    ]);
  });

  it.each(["", "CANARY{", "[]", "5"])("is not %s, and the error does not quote it", (text) => {
    expect(() => parseDockerConfig(text, "/c.json")).toThrow(
      expect.objectContaining({
        code: "SYNTAX",
        message:
          "DOCKER_CONFIG names /c.json, which holds no JSON object; write the path of a config.json as docker login makes it, or of its folder",
      }),
    );
  });
});
