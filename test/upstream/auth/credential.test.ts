import { describe, expect, it } from "vitest";
import { printBasic } from "../../../src/protocol/http/basic-auth.ts";
import { parseHostPort } from "../../../src/protocol/http/host-port.ts";
import { builtInRealmPairs } from "../../../src/protocol/known-registries.ts";
import type { AuthEvent } from "../../../src/upstream/auth/auth-event.ts";
import {
  Credential,
  type CredentialParts,
  type Destination,
  type Login,
} from "../../../src/upstream/auth/credential.ts";
import { RealmPairs } from "../../../src/upstream/auth/realm-pairs.ts";
import { hub, registry } from "./loopback.ts";

const never = new AbortController().signal;
const password: Login = { kind: "password", user: "bob", password: "CANARY" };
const helper: Login = { kind: "helper", helper: "ecr-login", server: "ecr.example" };

function make(host: string, login: Login = password, parts: Partial<CredentialParts> = {}) {
  const address = parseHostPort(host, 443);
  if (address === undefined) throw new Error("no host");
  const time = { now: 1_000_000 };
  const events: AuthEvent[] = [];
  const credential = new Credential(
    { address, login },
    {
      id: "id",
      pairs: new RealmPairs({ known: builtInRealmPairs }),
      isVerified: () => true,
      askHelper: async () => undefined,
      now: () => time.now,
      observe: (event) => void events.push(event),
      ...parts,
    },
  );
  return { credential, time, events };
}

function to(url: string, on = hub): Destination {
  const [scheme = "", host = ""] = url.split("://");
  const address = parseHostPort(host, scheme === "http" ? 80 : 443);
  if (address === undefined) throw new Error("no host");
  return { scheme: scheme === "http" ? "http" : "https", address, registry: on };
}

describe("the one function that attaches a credential", () => {
  it.each([
    ["auth.docker.io", to("https://auth.docker.io")],
    ["docker.io", to("https://auth.docker.io")],
    ["docker.io", to("https://registry-1.docker.io")],
    ["reg.example:5000", to("https://reg.example:5000", registry("reg.example:5000"))],
  ])("gives the one of %s to %o", async (host, destination) => {
    const attached = await make(host).credential.attachTo(destination, never);
    expect(attached?.authorization).toBe(printBasic({ user: "bob", password: "CANARY" }));
  });

  it.each([
    ["auth.docker.io", to("http://auth.docker.io:443")],
    ["auth.docker.io", to("https://auth.docker.io:8443")],
    ["auth.docker.io", to("https://auth.docker.io.evil.example")],
    ["auth.docker.io", to("https://evil.example")],
    ["auth.docker.io", to("https://auth.docker.io", registry("evil.example"))],
    ["docker.io", to("https://docker.io.evil.example")],
    ["ghcr.io", to("https://auth.docker.io")],
    ["ghcr.io", to("https://ghcr.io", hub)],
    ["reg.example:5000", to("https://reg.example", registry("reg.example"))],
    ["reg.example:80", to("http://reg.example:80", registry("reg.example", "http"))],
    ["docker.io", to("https://auth.docker.io", { ...hub, scheme: "http" })],
  ])("does not give the one of %s to %o", async (host, destination) => {
    expect(await make(host).credential.attachTo(destination, never)).toBeUndefined();
  });

  it("gives none to a host whose certificate nobody checks", async () => {
    const { credential } = make("docker.io", password, { isVerified: () => false });
    expect(await credential.attachTo(to("https://auth.docker.io"), never)).toBeUndefined();
  });

  it("puts an identity token in a form only", async () => {
    const { credential } = make("docker.io", { kind: "identity", token: "CANARY-r" });
    expect(await credential.attachTo(to("https://auth.docker.io"), never)).toEqual({
      authorization: undefined,
      form: { grant_type: "refresh_token", refresh_token: "CANARY-r" },
    });
  });

  it("shows nothing of its secret when it is printed", () => {
    const { credential } = make("docker.io");
    expect(JSON.stringify(credential)).not.toContain("CANARY");
    expect(`${Object.values(credential)}`).not.toContain("CANARY");
  });
});

describe("a credential from a helper", () => {
  const there = to("https://ecr.example", registry("ecr.example"));

  it("is what the helper says, and another when that was refused", async () => {
    const answers = ["CANARY-1", "CANARY-2"];
    const askHelper = async () => ({ user: "AWS", secret: answers.shift() ?? "" });
    const { credential, time } = make("ecr.example", helper, { askHelper });
    const secret = async () => (await credential.attachTo(there, never))?.form.password;
    expect(await secret()).toBe("CANARY-1");
    time.now += 60_000;
    expect(await credential.refresh(credential.version, never)).toBe(true);
    expect(await secret()).toBe("CANARY-2");
  });

  it("is none while the helper has none", async () => {
    const { credential } = make("ecr.example", helper);
    expect(await credential.attachTo(there, never)).toBeUndefined();
    expect(await credential.refresh(credential.version, never)).toBe(false);
  });

  it("that is none of a helper's stays what it is", async () => {
    const { credential } = make("ecr.example");
    expect(await credential.refresh(credential.version, never)).toBe(false);
  });
});

describe("a refused credential", () => {
  it("is told once, tried once a minute, and told again when it works", () => {
    const { credential, time, events } = make("docker.io");
    expect(credential.mayBeTried()).toBe(true);
    credential.markRefused();
    expect(credential.mayBeTried()).toBe(false);
    time.now += 60_000;
    expect([credential.mayBeTried(), credential.mayBeTried()]).toEqual([true, false]);
    credential.markRefused();
    expect(credential.isRefused).toBe(true);
    credential.markAccepted();
    credential.markAccepted();
    expect(credential.mayBeTried()).toBe(true);
    expect(events.map((event) => event.kind)).toEqual(["credentialRefused", "credentialAccepted"]);
  });

  it("is tried by all after a minute where success is not reported", () => {
    const { credential, time } = make("docker.io");
    credential.markRefused();
    expect(credential.mayBeTriedByAll()).toBe(false);
    time.now += 60_000;
    expect([credential.mayBeTriedByAll(), credential.mayBeTriedByAll()]).toEqual([true, true]);
    expect(credential.isRefused).toBe(true);
  });
});
