import { describe, expect, it } from "vitest";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import type { Ask } from "../../../src/registry/ask.ts";
import {
  type AuthOptions,
  bearerRegistry,
  hub,
  hubChallenge,
  hubHost,
  registry,
  say,
  startLoopback,
} from "../../upstream/auth/loopback.ts";
import { makeDoors } from "../auth-rig.ts";
import { askFor } from "../rig.ts";

const target = "/v2/library/alpine/manifests/3.20";
const claims = {
  realm: "https://auth.docker.io/token",
  service: "registry.docker.io",
  scopes: ["repository:library/alpine:pull"],
};

async function make(options: AuthOptions = {}) {
  const loopback = await startLoopback();
  const doors = makeDoors(loopback, options);
  const access = (authorization?: string, ask: Partial<Ask> = {}, method = "GET") =>
    doors.accessOf(headerList({ authorization }), askFor(target, { registry: hub, ...ask }), {
      method,
      signal: new AbortController().signal,
    });
  const token = (kind: "anonymous" | "shared") => doors.ownTokens.mint({ ...claims, class: kind });
  return { loopback, ...doors, access, token };
}

describe("in whose name a request goes upstream", () => {
  it.each([
    [undefined, { kind: "none" }],
    ["Basic Og==", { kind: "none" }],
    ["Basic Ym9iOkNBTkFSWQ==", { kind: "client", authorization: "Basic Ym9iOkNBTkFSWQ==" }],
    ["Bearer eyJ.x.y", { kind: "client", authorization: "Bearer eyJ.x.y" }],
  ])("%s", async (authorization, expected) => {
    const { access, memory } = await make({ auth: "docker.io:bob:CANARY" });
    memory.remember(hub, [hubChallenge]);
    expect(await access(authorization)).toEqual(expected);
  });

  it("a token of ours opens what its class says, while there is a credential", async () => {
    const { access, token, memory, credentials } = await make({ auth: "docker.io:bob:CANARY" });
    memory.remember(hub, [hubChallenge]);
    expect(await access(`Bearer ${token("shared")}`)).toMatchObject({ kind: "shared" });
    expect(await access(`Bearer ${token("anonymous")}`)).toMatchObject({ kind: "anonymous" });
    credentials.replace([]);
    expect(await access(`Bearer ${token("shared")}`)).toMatchObject({ kind: "anonymous" });
  });

  it("a token of ours is good at every registry with that realm and service, and at no other", async () => {
    const { access, token, memory } = await make();
    const bearer = `Bearer ${token("shared")}`;
    const other = registry("other.example");
    memory.remember(other, [hubChallenge]);
    expect(await access(bearer, { registry: other })).toMatchObject({ kind: "anonymous" });
    const line = 'Bearer realm="https://auth.docker.io/token",service="another"';
    memory.remember(other, [line]);
    expect(await access(bearer, { registry: other })).toEqual({
      kind: "rejected",
      challenge: [`${line},error="invalid_token",scope="repository:library/alpine:pull"`].map(
        (text) => text.replace(/(,error="\w+")(,scope="[^"]+")/, "$2$1"),
      ),
    });
  });

  it.each([
    ["Bearer ept1.e30.AAAA", 0],
    ["Bearer ept1.", 0],
    ["Basic ept1.x.y", 0],
    ["expired", 361_000],
  ])("%s is answered with the challenge and error=", async (authorization, later) => {
    const { access, token, memory, time } = await make();
    memory.remember(hub, [hubChallenge]);
    const sent = authorization === "expired" ? `Bearer ${token("shared")}` : authorization;
    time.now += later;
    expect(await access(sent)).toEqual({
      kind: "rejected",
      challenge: [`${hubChallenge},scope="repository:library/alpine:pull",error="invalid_token"`],
    });
  });

  it("a token of ours, good or not, does no harm where nobody needs to log in", async () => {
    const { access, memory } = await make();
    memory.remember(hub, []);
    expect(await access("Bearer ept1.x.y")).toEqual({ kind: "anonymous" });
    expect(await access("Bearer ept1.x.y", {}, "PUT")).toEqual({ kind: "none" });
  });

  it("a token of ours pushes nothing", async () => {
    const { access, token, memory } = await make({ auth: "docker.io:bob:CANARY" });
    memory.remember(hub, [hubChallenge]);
    expect(await access(`Bearer ${token("shared")}`, {}, "PUT")).toEqual({
      kind: "rejected",
      challenge: [
        `${hubChallenge},scope="repository:library/alpine:pull,push",error="insufficient_scope"`,
      ],
    });
  });

  it("the registry is asked when a token comes before its challenge is known", async () => {
    const { access, token, loopback } = await make({ auth: "docker.io:bob:CANARY" });
    loopback.play(hubHost, bearerRegistry(hubChallenge));
    expect(await access(`Bearer ${token("shared")}`)).toMatchObject({ kind: "shared" });
    expect(loopback.seen.map((one) => one.url)).toEqual(["/v2/"]);
  });

  it("a token of ours is worth what everybody may have while nobody can be asked", async () => {
    const { access, token } = await make({ auth: "docker.io:bob:CANARY" });
    expect(await access(`Bearer ${token("shared")}`)).toMatchObject({ kind: "anonymous" });
    expect(await access("Bearer ept1.a.b")).toEqual({ kind: "rejected", challenge: [] });
  });
});

describe("a Basic registry with an entry", () => {
  const reg = { registry: registry("reg.example:5000") };
  const options = { auth: "reg.example:5000:bob:CANARY" };

  it("is open to everybody who reads without a login", async () => {
    const { access, loopback } = await make(options);
    loopback.play("reg.example:5000", (_, response) =>
      say(response, 401, "", { "www-authenticate": "Basic realm=x" }),
    );
    expect(await access(undefined, reg)).toEqual({ kind: "shared" });
    expect(await access("Basic Og==", reg, "HEAD")).toEqual({ kind: "shared" });
    expect(await access(undefined, reg, "PUT")).toEqual({ kind: "none" });
    expect(await access("Basic eDp5", reg)).toMatchObject({ kind: "client" });
    expect(loopback.seen).toHaveLength(1);
  });

  it("is not, when it has Bearer too, when clients log in themselves, or while unknown", async () => {
    const both = await make(options);
    both.memory.remember(reg.registry, ['Basic realm=x, Bearer realm="https://t.example/"']);
    expect(await both.access(undefined, reg)).toEqual({ kind: "none" });
    const own = await make({ ...options, ownLogin: ["reg.example:5000"] });
    own.memory.remember(reg.registry, ["Basic realm=x"]);
    expect(await own.access(undefined, reg)).toEqual({ kind: "none" });
    const silent = await make(options);
    expect(await silent.access(undefined, reg)).toEqual({ kind: "none" });
  });
});

describe("an open mirror", () => {
  it("uses the shared credential or none, whatever the client sends", async () => {
    const { access } = await make({ auth: "auth.docker.io:bob:CANARY" });
    const open = { isOpen: true, door: "mirror" } as const;
    expect(await access("Basic eDp5", open)).toEqual({ kind: "shared" });
    expect(await access("Bearer ept1.x", open)).toEqual({ kind: "shared" });
    expect(await access(undefined, { ...open, registry: registry("ghcr.io") })).toEqual({
      kind: "anonymous",
    });
    expect(await access("Basic eDp5", open, "PUT")).toEqual({ kind: "none" });
  });
});
