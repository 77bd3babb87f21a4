import { describe, expect, it } from "vitest";
import { printBasic } from "../../../src/protocol/http/basic-auth.ts";
import type { Loopback } from "../../upstream/auth/loopback.ts";
import {
  type AuthOptions,
  bearerRegistry,
  hub,
  hubChallenge,
  hubHost,
  registry,
  say,
  startLoopback,
  tokenService,
} from "../../upstream/auth/loopback.ts";
import { makeDoors } from "../auth-rig.ts";
import type { Fetched } from "../rig.ts";

const service = "auth.docker.io";
const tokenPath = "/token?service=registry.docker.io&scope=repository:library/alpine:pull";
const form = { "content-type": "application/x-www-form-urlencoded" };

async function make(options: AuthOptions = {}) {
  const loopback = await startLoopback();
  const doors = makeDoors(loopback, options);
  const issued = tokenService({ bob: "CANARY-hub" });
  loopback.play(service, issued);
  loopback.play(
    hubHost,
    bearerRegistry(hubChallenge, (sent) => issued.issued.includes(sent.slice(7))),
  );
  return {
    loopback,
    ...doors,
    host: await doors.door(service),
    registry: await doors.door("docker.io"),
  };
}

function tokenOf(reply: Fetched): string {
  return JSON.parse(reply.text).token;
}

function urls(loopback: Loopback, host: string): string[] {
  return loopback.at(host).map((one) => `${one.method} ${one.url}`);
}

describe("a token request without a login", () => {
  it("gets a token of ours, and the pull with it uses the shared account", async () => {
    const {
      loopback,
      host,
      registry: door,
      ownTokens,
    } = await make({
      auth: "auth.docker.io:bob:CANARY-hub",
    });
    const reply = await host.fetch(tokenPath);
    const body = JSON.parse(reply.text);
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      "content-type": "application/json",
      "cache-control": "no-store",
    });
    expect(body).toEqual({
      token: body.access_token,
      access_token: expect.stringMatching(/^ept1\./),
      scope: "repository:library/alpine:pull",
      expires_in: 300,
      issued_at: "2026-01-01T00:00:00.000Z",
    });
    expect(ownTokens.read(body.token)).toMatchObject({
      ok: true,
      claims: { realm: "https://auth.docker.io/token", class: "shared" },
    });
    expect(reply.text).not.toContain("CANARY");

    const pulled = await door.fetch("/v2/library/alpine/manifests/3.20", {
      headers: { authorization: `Bearer ${body.token}` },
    });
    expect(pulled.status).toBe(200);
    expect(loopback.at(hubHost).map((one) => one.authorization)).toEqual([
      undefined,
      "Bearer CANARY-token-bob-0",
    ]);
    expect(loopback.at(service)).toHaveLength(1);
    expect(loopback.seen.some((one) => one.text.includes("ept1."))).toBe(false);
  });

  it("asks the registry how it wants it when this is the first ever heard of it", async () => {
    const { loopback, host } = await make();
    expect((await host.fetch(tokenPath)).status).toBe(200);
    expect(urls(loopback, hubHost)).toEqual(["GET /v2/"]);
    await host.fetch(tokenPath);
    expect(urls(loopback, hubHost)).toEqual(["GET /v2/"]);
  });

  it("has its exchange once for a hundred clients, with pull and no other right", async () => {
    const { loopback, host, memory } = await make({ auth: "auth.docker.io:bob:CANARY-hub" });
    memory.remember(hub, [hubChallenge]);
    const path =
      "/token?account=joe&client_id=docker&offline_token=true&service=registry.docker.io&scope=repository:library/alpine:pull,push,delete";
    const replies = await Promise.all(Array.from({ length: 100 }, () => host.fetch(path)));
    expect(new Set(replies.map((one) => one.status))).toEqual(new Set([200]));
    expect(urls(loopback, service)).toEqual([
      "GET /token?service=registry.docker.io&scope=repository%3Alibrary%2Falpine%3Apull",
    ]);
  });

  it("may have empty Basic, or a form without a secret, or several scopes", async () => {
    const { loopback, host, memory } = await make();
    memory.remember(hub, [hubChallenge]);
    const empty = await host.fetch(tokenPath, { headers: { authorization: "Basic Og==" } });
    expect(tokenOf(empty)).toMatch(/^ept1\./);
    const posted = await host.fetch("/token", {
      method: "POST",
      headers: form,
      body: "grant_type=password&service=registry.docker.io&scope=repository:a:pull repository:b:pull&scope=repository:c:pull&password=",
    });
    expect(JSON.parse(posted.text).scope).toBe(
      "repository:a:pull repository:b:pull repository:c:pull",
    );
    expect(loopback.seen.every((one) => one.method === "GET")).toBe(true);
  });

  it("gets the token service's own words when it refuses", async () => {
    const { loopback, host, memory } = await make();
    memory.remember(hub, [hubChallenge]);
    loopback.play(service, (_, response) =>
      say(response, 403, { details: "no" }, { "content-type": "application/json" }),
    );
    const reply = await host.fetch(tokenPath);
    expect([reply.status, reply.text]).toEqual([403, '{"details":"no"}']);
  });

  it.each([
    ["cannot be reached", undefined],
    ["says 429", 429],
    ["says 503", 503],
  ])("gets one made blind when the token service %s", async (_, status) => {
    const { loopback, host, memory } = await make({ auth: "auth.docker.io:bob:CANARY-hub" });
    memory.remember(hub, [hubChallenge]);
    loopback.play(
      service,
      status === undefined ? undefined : (__, response) => say(response, status),
    );
    const reply = await host.fetch(tokenPath);
    expect(tokenOf(reply)).toMatch(/^ept1\./);
    await host.fetch(tokenPath);
    expect(loopback.at(service)).toHaveLength(1);
  });

  it("gets one made blind in a second when the token service hangs", async () => {
    const { loopback, host, memory } = await make();
    memory.remember(hub, [hubChallenge]);
    loopback.play(service, () => undefined);
    const startedAt = performance.now();
    expect(tokenOf(await host.fetch(tokenPath))).toMatch(/^ept1\./);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it.each([302, 200])("is 502 when the token service answers nonsense (%i)", async (status) => {
    const { loopback, host, memory } = await make();
    memory.remember(hub, [hubChallenge]);
    loopback.play(service, (_, response) =>
      say(response, status, "<html>", { location: "http://evil.example/" }),
    );
    expect((await host.fetch(tokenPath)).status).toBe(502);
  });

  it("that names a service nobody has goes on as it is", async () => {
    const { loopback, host, memory } = await make();
    memory.remember(hub, [hubChallenge]);
    const reply = await host.fetch("/token?service=other&scope=x");
    expect(tokenOf(reply)).toBe("anonymous-0");
    expect(urls(loopback, service)).toEqual(["GET /token?service=other&scope=x"]);
  });

  it("prefers the registry that has a credential, and hears nothing of liars", async () => {
    const { loopback, host, memory, ownTokens } = await make({
      auth: "auth.docker.io:bob:CANARY-hub",
    });
    memory.remember(registry("evil.example"), [hubChallenge]);
    memory.remember(hub, [hubChallenge]);
    const reading = ownTokens.read(tokenOf(await host.fetch(tokenPath)));
    expect(reading).toMatchObject({ ok: true, claims: { class: "shared" } });
    expect(loopback.at("evil.example")).toEqual([]);
  });
});

describe("a client's own login", () => {
  it("with Basic is passed on byte for byte, and so is the answer", async () => {
    const { loopback, host, memory } = await make({ auth: "auth.docker.io:bob:CANARY-hub" });
    memory.remember(hub, [hubChallenge]);
    const authorization = printBasic({ user: "bob", password: "CANARY-hub" });
    const path =
      "/token?account=bob&client_id=docker&offline_token=true&service=registry.docker.io";
    const reply = await host.fetch(path, { headers: { authorization, "x-odd": "ä;b" } });
    expect(tokenOf(reply)).toBe("CANARY-token-bob-0");
    expect(loopback.at(service)).toMatchObject([{ method: "GET", url: path, authorization }]);
  });

  it.each([
    "grant_type=password&username=bob&password=CANARY%2Bx&service=registry.docker.io&scope=a+b",
    "refresh_token=CANARY-r&grant_type=refresh_token&service=x",
    "scope=x&grant_type=authorization_code&code=CANARY-c",
  ])("posted as %s is passed on byte for byte", async (body) => {
    const { loopback, host, memory } = await make();
    memory.remember(hub, [hubChallenge]);
    const seen: string[] = [];
    loopback.play(service, (incoming, response) => {
      incoming.setEncoding("utf8").on("data", (chunk) => seen.push(chunk));
      incoming.on("end", () => say(response, 200, { access_token: "CANARY-theirs" }));
    });
    const reply = await host.fetch("/token", { method: "POST", headers: form, body });
    expect(seen.join("")).toBe(body);
    expect(JSON.parse(reply.text)).toEqual({ access_token: "CANARY-theirs" });
  });

  it("that is refused gets the service's answer, and ours is not tried", async () => {
    const { loopback, host, memory } = await make({ auth: "auth.docker.io:bob:CANARY-hub" });
    memory.remember(hub, [hubChallenge]);
    const authorization = printBasic({ user: "eve", password: "CANARY-wrong" });
    const reply = await host.fetch(tokenPath, { headers: { authorization } });
    expect([reply.status, reply.text]).toEqual([
      401,
      '{"details":"incorrect username or password"}',
    ]);
    expect(loopback.at(service)).toHaveLength(1);
    expect(loopback.secretsAt(service)).toEqual(["CANARY-wrong"]);
    expect(memory.recall(hub)?.lines).toEqual([hubChallenge]);
  });

  it("of more than 64 KiB is too much", async () => {
    const { loopback, host, memory } = await make();
    memory.remember(hub, [hubChallenge]);
    const body = `password=${"x".repeat(65_536)}`;
    const reply = await host.fetch("/token", { method: "POST", headers: form, body });
    expect(reply.status).toBe(413);
    expect(loopback.at(service)).toEqual([]);
  });
});

describe("what is a token request", () => {
  it.each([
    ["ghcr.io", 'Bearer realm="https://ghcr.io/token",service="ghcr.io"', "/token?service=ghcr.io"],
    ["gcr.io", 'Bearer realm="https://gcr.io/v2/token",service=gcr.io', "/v2/token?service=gcr.io"],
    [
      "quay.io",
      'Basic realm="x", Bearer realm="https://quay.io/v2/auth",service="quay.io"',
      "/v2/auth?service=quay.io",
    ],
    [
      "nvcr.io",
      'Bearer realm="https://nvcr.io/proxy_auth?scope=repository:a/b:pull,push"',
      "/proxy_auth?scope=repository:a/b:pull",
    ],
    ["reg.example:5000", 'Bearer realm="https://reg.example:5000/t",service="s"', "/t?service=s"],
  ])("at %s is known by its realm", async (host, challenge, path) => {
    const { loopback, door } = await make();
    const issued = tokenService();
    loopback.play(host, (incoming, response) => {
      if (incoming.url === "/v2/") return bearerRegistry(challenge)(incoming, response);
      issued(incoming, response);
    });
    const { fetch } = await door(host);
    expect(tokenOf(await fetch(path))).toMatch(/^ept1\./);
    const other = await fetch("/somewhere/else", { method: "POST", body: "x" });
    expect(tokenOf(other)).toBe("anonymous-1");
  });

  it("does not read what is posted to other pages of the host", async () => {
    const { loopback, door } = await make();
    loopback.play("gitlab.com", (incoming, response) => {
      let size = 0;
      incoming.on("data", (chunk: Buffer) => (size += chunk.length));
      incoming.on("end", () => say(response, incoming.url === "/v2/" ? 404 : 200, `${size}`));
    });
    const { fetch } = await door("gitlab.com");
    const body = `password=${"x".repeat(100_000)}`;
    expect((await fetch("/upload", { method: "POST", headers: form, body })).text).toBe("100009");
  });

  it("is also one at the token host that AUTH_REALMS names", async () => {
    const realms = [{ registry: "reg.example", tokenHost: "git.example" }];
    const { loopback, door } = await make({ realms });
    const challenge = 'Bearer realm="https://git.example/jwt/auth",service="container_registry"';
    loopback.play("reg.example", bearerRegistry(challenge));
    loopback.play("git.example", tokenService());
    const { fetch } = await door("git.example");
    expect(tokenOf(await fetch("/jwt/auth?service=container_registry"))).toMatch(/^ept1\./);
    expect(tokenOf(await fetch("/users/sign_in?service=container_registry"))).toMatch(/^anonymous/);
  });

  it("is none where a registry without the right to it claims one", async () => {
    const { loopback, door, memory } = await make();
    memory.remember(registry("evil.example"), ['Bearer realm="https://site.example/login"']);
    loopback.play("site.example", (_, response) => say(response, 200, "a web page"));
    const { fetch } = await door("site.example");
    expect((await fetch("/login")).text).toBe("a web page");
  });

  it("is none at a mirror, nor what writes into a repository", async () => {
    const { loopback, door } = await make();
    loopback.play("ghcr.io", (_, response) => say(response, 200, "passed"));
    const mirror = await door("ghcr.io", { door: "mirror" });
    expect((await mirror.fetch("/token")).text).toBe("passed");
    expect(urls(loopback, "ghcr.io")).toEqual(["GET /token"]);
    const proxy = await door("ghcr.io");
    await proxy.fetch("/v2/a/b/extension", { method: "POST", body: "x" });
    expect(urls(loopback, "ghcr.io")).toEqual(["GET /token", "POST /v2/a/b/extension"]);
  });
});
