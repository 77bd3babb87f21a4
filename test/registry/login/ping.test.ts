import { describe, expect, it } from "vitest";
import {
  type AuthOptions,
  bearerRegistry,
  hub,
  hubChallenge,
  hubHost,
  type Play,
  registry,
  say,
  startLoopback,
} from "../../upstream/auth/loopback.ts";
import { makeDoors } from "../auth-rig.ts";

async function make(host = "docker.io", options: AuthOptions = {}, isOpen = false) {
  const loopback = await startLoopback();
  const doors = makeDoors(loopback, options);
  const { fetch } = await doors.door(host, { isOpen });
  const ping = (authorization?: string, method = "GET") =>
    fetch("/v2/", { method, headers: authorization === undefined ? {} : { authorization } });
  return { loopback, ...doors, ping };
}

describe("a ping without a login", () => {
  it("is asked upstream once, then answered from memory for ten minutes", async () => {
    const { loopback, ping, time } = await make();
    loopback.play(hubHost, bearerRegistry(hubChallenge));
    for (const authorization of [undefined, "Basic Og==", undefined]) {
      const { status, headers, text } = await ping(authorization);
      expect(status).toBe(401);
      expect(headers["www-authenticate"]).toBe(hubChallenge);
      expect(headers["docker-distribution-api-version"]).toBe("registry/2.0");
      expect(JSON.parse(text).errors[0].code).toBe("UNAUTHORIZED");
    }
    expect(loopback.seen).toHaveLength(1);
    time.now += 600_001;
    await ping();
    expect(loopback.seen).toHaveLength(2);
  });

  it("keeps several challenges on lines of their own", async () => {
    const { memory, ping } = await make();
    memory.remember(hub, ['Bearer realm="https://a.example/"', "Basic realm=x"]);
    expect((await ping()).rawHeaders.filter((one) => /^www-auth/i.test(one))).toHaveLength(2);
  });

  it("is 200 where nobody needs to log in", async () => {
    const { loopback, ping } = await make("registry.k8s.io");
    loopback.play("registry.k8s.io", (_, response) => say(response, 200, {}));
    expect(await ping()).toMatchObject({ status: 200, text: "{}" });
    expect((await ping(undefined, "HEAD")).status).toBe(200);
    expect(loopback.seen).toHaveLength(1);
  });

  it.each([
    ["cannot be reached", undefined],
    ["hangs", 0],
    ["says 503", 503],
    ["says 429", 429],
  ])("is answered from an old memory when the registry %s", async (_, status) => {
    const { loopback, memory, ping, time } = await make();
    memory.remember(hub, [hubChallenge]);
    time.now += 86_400_000;
    const play = status === 0 ? () => undefined : undefined;
    loopback.play(hubHost, status ? (__, response) => say(response, status) : play);
    const startedAt = performance.now();
    expect((await ping()).headers["www-authenticate"]).toBe(hubChallenge);
    expect((await ping()).status).toBe(401);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it("is an error that says so when the registry cannot be reached and is not known", async () => {
    const { ping } = await make();
    const { status, text } = await ping();
    expect(status).toBeGreaterThanOrEqual(502);
    expect(text).toContain(hubHost);
  });

  it.each([
    ["asks for a token", 401],
    ["lets everybody in", 200],
  ])("says what a registry that %s said of signatures, from memory too", async (_, status) => {
    const { loopback, ping } = await make();
    const said = { "www-authenticate": hubChallenge, "x-registry-supports-signatures": "1" };
    loopback.play(hubHost, (__, response) => say(response, status, {}, said));
    for (const answer of [await ping(), await ping()]) {
      expect(answer.status).toBe(status);
      expect(answer.headers["x-registry-supports-signatures"]).toBe("1");
    }
    expect(loopback.seen).toHaveLength(1);
  });

  it("is passed the redirect of a registry that redirects", async () => {
    const { loopback, ping } = await make("lscr.io");
    loopback.play("lscr.io", (_, response) =>
      say(response, 307, "", { location: "https://ghcr.io/v2/" }),
    );
    expect(await ping()).toMatchObject({
      status: 307,
      headers: { location: "https://ghcr.io/v2/" },
    });
  });
});

describe("a ping with a login", () => {
  it("is the upstream's to judge", async () => {
    const { loopback, memory, ping } = await make();
    memory.remember(hub, [hubChallenge]);
    loopback.play(
      hubHost,
      bearerRegistry(hubChallenge, (sent) => sent === "Bearer CANARY-good"),
    );
    expect((await ping("Bearer CANARY-good")).status).toBe(200);
    expect((await ping("Bearer CANARY-bad")).headers["www-authenticate"]).toBe(hubChallenge);
    expect((await ping("Basic eDp5")).status).toBe(401);
    expect(loopback.seen.map((one) => one.authorization)).toEqual([
      "Bearer CANARY-good",
      "Bearer CANARY-bad",
      "Basic eDp5",
    ]);
  });

  it("of ours is answered here, the bad one with error=", async () => {
    const { loopback, memory, ping, ownTokens } = await make();
    memory.remember(hub, [hubChallenge]);
    const token = ownTokens.mint({
      realm: "https://auth.docker.io/token",
      service: "registry.docker.io",
      scopes: [],
      class: "anonymous",
    });
    expect((await ping(`Bearer ${token}`)).status).toBe(200);
    const bad = await ping("Bearer ept1.x.y");
    expect(bad.status).toBe(401);
    expect(bad.headers["www-authenticate"]).toBe(`${hubChallenge},error="invalid_token"`);
    expect(loopback.seen).toEqual([]);
  });
});

describe("a ping of a Basic registry with an entry", () => {
  const host = "reg.example:5000";
  const options = { auth: `${host}:bob:CANARY` };
  const own = 'Bearer realm="https://reg.example:5000/entrepot/token",service="reg.example:5000"';
  const asksForBasic: Play = (_, response) =>
    say(response, 401, "", { "www-authenticate": "Basic realm=x" });

  it.each<[string, Play]>([
    ["asks for Basic", asksForBasic],
    ["lets every ping in", (_, response) => say(response, 200, {})],
  ])("that %s is answered with a token service of ours, and carries no login", async (_, play) => {
    const { loopback, ping } = await make(host, options);
    loopback.play(host, play);
    for (const authorization of [undefined, "Basic Og=="]) {
      const { status, headers } = await ping(authorization);
      expect([status, headers["www-authenticate"]]).toEqual([401, own]);
    }
    expect(loopback.seen.map((one) => one.authorization)).toEqual([undefined]);
  });

  it("stays so while the registry cannot be reached, also after a restart", async () => {
    const { loopback, memory, ping, time } = await make(host, options);
    memory.remember(registry(host), ["Basic realm=x"]);
    time.now += 700_000;
    expect((await ping()).headers["www-authenticate"]).toBe(own);
    expect(loopback.seen.length).toBeGreaterThan(0);
  });

  it("with a token of that service is 200, and asks nobody", async () => {
    const { loopback, memory, ping, ownTokens } = await make(host, options);
    memory.remember(registry(host), ["Basic realm=x"]);
    const token = ownTokens.mint({
      ...{ realm: `https://${host}/entrepot/token`, service: host, scopes: [] },
      class: "shared",
    });
    expect((await ping(`Bearer ${token}`)).status).toBe(200);
    const bad = await ping("Bearer ept1.x.y");
    expect([bad.status, bad.headers["www-authenticate"]]).toEqual([
      401,
      `${own},error="invalid_token"`,
    ]);
    expect(loopback.seen).toEqual([]);
  });

  it("passes the challenge where clients log in themselves", async () => {
    const { loopback, ping } = await make(host, { ...options, ownLogin: [host] });
    loopback.play(host, asksForBasic);
    expect((await ping()).headers["www-authenticate"]).toMatch(/^Basic realm="?x"?$/);
    expect(loopback.secretsAt(host)).toEqual([]);
  });
});

it("a ping of an open mirror is 200 and asks nobody", async () => {
  const { loopback, ping } = await make("docker.io", {}, true);
  expect((await ping("Basic eDp5")).status).toBe(200);
  expect(loopback.seen).toEqual([]);
});
