import { describe, expect, it } from "vitest";
import { parseHostPort } from "../../../src/protocol/http/host-port.ts";
import { parseAuthRegistries } from "../../../src/upstream/auth/auth-registries.ts";
import { CredentialError } from "../../../src/upstream/auth/credential-error.ts";
import { hub, makeAuth, registry, startLoopback } from "./loopback.ts";

async function make(auth: string, options = {}) {
  return makeAuth(await startLoopback(), { auth, ...options });
}

const authHub = parseHostPort("auth.docker.io", 443) ?? { host: "", port: 0 };

describe("the operator's credentials", () => {
  it("serve the registry whose token host has an entry, and the other way round", async () => {
    for (const auth of ["auth.docker.io:bob:CANARY", "docker.io:bob:CANARY"]) {
      const { credentials } = await make(auth);
      expect(credentials.has(hub)).toBe(true);
      expect(credentials.has(registry("registry-1.docker.io"))).toBe(true);
      expect(credentials.has(registry("ghcr.io"))).toBe(false);
      expect(credentials.has({ ...hub, scheme: "http" })).toBe(false);
      expect(credentials.forRealm(hub, authHub, undefined)).toBeDefined();
      expect(credentials.forRealm(registry("evil.example"), authHub, undefined)).toBeUndefined();
    }
  });

  it("prefer the token host's entry for Bearer and know only the registry's for Basic", async () => {
    const { credentials } = await make("auth.docker.io:bearer:CANARY docker.io:basic:CANARY");
    expect(credentials.forRealm(hub, authHub, undefined)?.host).toBe("auth.docker.io");
    expect(credentials.forRegistry(hub, undefined)?.host).toBe("docker.io");
    const alone = (await make("auth.docker.io:bearer:CANARY")).credentials;
    expect(alone.forRegistry(hub, undefined)).toBeUndefined();
    expect(alone.hasOwnEntry(hub)).toBe(false);
  });

  it("are chosen by repository, the particular before the general", async () => {
    const [general] = parseAuthRegistries("ghcr.io:general:CANARY");
    if (general === undefined) throw new Error("no entry");
    const team = { ...general, repositories: ["team/**"] };
    const { credentials } = await make("", { entries: [general, team] });
    const ghcr = registry("ghcr.io");
    const ids = ["team/a/b", "other", undefined].map(
      (name) => credentials.forRegistry(ghcr, name)?.id,
    );
    expect(ids[0]).not.toBe(ids[1]);
    expect(ids[1]).toBe(ids[2]);
    const only = (await make("", { entries: [team] })).credentials;
    expect(only.forRegistry(ghcr, "other")).toBeUndefined();
    expect(only.forRegistry(ghcr, undefined)).toBeUndefined();
  });

  it("are not used where clients log in themselves", async () => {
    const { credentials } = await make("ghcr.io:bob:CANARY", { ownLogin: ["ghcr.io"] });
    expect(credentials.has(registry("ghcr.io"))).toBe(false);
    expect(credentials.hasOwnEntry(registry("ghcr.io"))).toBe(false);
  });

  it("can be replaced: what stays keeps its state, what changes is a new credential", async () => {
    const { credentials } = await make("ghcr.io:bob:CANARY-1 quay.io:eve:CANARY-2");
    const [ghcr, quay] = [registry("ghcr.io"), registry("quay.io")];
    const before = [ghcr, quay].map((one) => credentials.forRegistry(one, undefined));
    for (const one of before) one?.markRefused();
    expect(credentials.refused().map((one) => one.host)).toEqual(["ghcr.io", "quay.io"]);

    credentials.replace(parseAuthRegistries("ghcr.io:bob:CANARY-1 quay.io:eve:CANARY-3"));
    expect(credentials.forRegistry(ghcr, undefined)).toBe(before[0]);
    const fresh = credentials.forRegistry(quay, undefined);
    expect(fresh?.id).not.toBe(before[1]?.id);
    expect(fresh?.mayBeTried()).toBe(true);
    expect(credentials.refused().map((one) => one.host)).toEqual(["ghcr.io"]);

    const twice = [
      ...parseAuthRegistries("a.example:b:CANARY"),
      ...parseAuthRegistries("a.example:c:CANARY"),
    ];
    expect(() => credentials.replace(twice)).toThrow(CredentialError);
    expect(credentials.has(ghcr)).toBe(true);
    credentials.replace([]);
    expect(credentials.has(ghcr)).toBe(false);
  });

  it("have ids that say nothing of the secret but change with it", async () => {
    const ids = [];
    for (const auth of ["ghcr.io:bob:CANARY-1", "ghcr.io:bob:CANARY-1", "ghcr.io:bob:CANARY-2"]) {
      ids.push((await make(auth)).credentials.forRegistry(registry("ghcr.io"), undefined)?.id);
    }
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).not.toBe(ids[2]);
  });
});
