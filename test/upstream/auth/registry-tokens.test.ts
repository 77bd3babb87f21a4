import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { BearerChallenge } from "../../../src/upstream/auth/registry-challenge.ts";
import type { AuthOptions, Loopback } from "./loopback.ts";
import {
  hub,
  hubChallenge,
  makeAuth,
  registry,
  say,
  startLoopback,
  tokenService,
} from "./loopback.ts";

const host = "auth.docker.io";
const signal = new AbortController().signal;

async function make(options: AuthOptions) {
  const loopback = await startLoopback();
  const auth = makeAuth(loopback, options);
  const bearer = auth.memory.remember(hub, [hubChallenge]).bearer;
  if (bearer === undefined) throw new Error("no Bearer");
  const get = (repository = "a/b") => getToken(auth, bearer, repository);
  return { loopback, ...auth, get };
}

function getToken(
  auth: ReturnType<typeof makeAuth>,
  bearer: BearerChallenge,
  repository: string,
): Promise<string> {
  const scopes = [`repository:${repository}:pull,push`];
  return auth.tokens.get({ registry: hub, scopes, isShared: true, signal }, bearer);
}

function logins(loopback: Loopback): (string | undefined)[] {
  return loopback.at(host).map((one) => one.authorization);
}

describe("a token with the operator's credential", () => {
  it("is asked for with the right to pull and no other", async () => {
    const { loopback, get } = await make({ auth: "auth.docker.io:bob:CANARY-password" });
    loopback.play(host, tokenService({ bob: "CANARY-password" }));
    expect(await get()).toBe("CANARY-token-bob-0");
    expect(loopback.at(host).map((one) => one.url)).toEqual([
      "/token?service=registry.docker.io&scope=repository%3Aa%2Fb%3Apull",
    ]);
  });

  it("is asked for in the registry's name only where its tokens may come from", async () => {
    const { loopback, memory, tokens } = await make({});
    const evil = registry("evil.example");
    loopback.play(host, tokenService());
    const line = hubChallenge.replace("auth.docker.io/token", "auth.docker.io/other");
    for (const [of, lines] of [[hub, hubChallenge] as const, [evil, line] as const]) {
      const { bearer } = memory.remember(of, [lines]);
      if (bearer === undefined) throw new Error("no Bearer");
      await tokens.get({ registry: of, scopes: [], isShared: true, signal }, bearer);
    }
    expect(loopback.at(host).map(({ onBehalfOf }) => onBehalfOf)).toEqual(["docker.io", host]);
  });

  it("goes on anonymously when it is refused, told once, tried again after a minute", async () => {
    const { loopback, get, events, time, credentials } = await make({
      auth: "auth.docker.io:bob:CANARY-wrong",
    });
    loopback.play(host, tokenService({ bob: "CANARY-right" }));
    expect(await get()).toMatch(/^anonymous/);
    expect(await get("c/d")).toMatch(/^anonymous/);
    expect(await get()).toMatch(/^anonymous/);
    const told = () => events.filter((event) => event.kind === "credentialRefused");
    expect(told()).toHaveLength(1);
    expect(JSON.stringify(events)).not.toContain("CANARY");
    // With its scopes and without: only then is it known to be the credential's fault.
    expect(logins(loopback).filter((login) => login !== undefined)).toHaveLength(2);

    time.now += 61_000;
    await get();
    expect(told()).toHaveLength(1);
    expect(credentials.refused()).toHaveLength(1);
    time.now += 61_000;
    loopback.play(host, tokenService({ bob: "CANARY-wrong" }));
    expect(await get("e/f")).toMatch(/^CANARY-token-bob/);
    expect(events.at(-2)).toMatchObject({ kind: "credentialAccepted" });
    expect(credentials.refused()).toEqual([]);
  });

  it("is not out of use since somebody asked for a repository it may not have", async () => {
    const { loopback, get, events } = await make({ auth: "auth.docker.io:bob:CANARY" });
    const service = tokenService({ bob: "CANARY" });
    loopback.play(host, (request, response) => {
      const isDenied = request.url?.includes("secret") && request.headers.authorization;
      if (isDenied) return say(response, 403, { errors: [{ code: "DENIED" }] });
      service(request, response);
    });
    expect(await get("secret/x")).toMatch(/^anonymous/);
    expect(await get("mine/x")).toMatch(/^CANARY-token-bob/);
    expect(await get("secret/y")).toMatch(/^anonymous/);
    expect(events.filter((event) => event.kind === "credentialRefused")).toEqual([]);
  });

  it("is out of use once it is refused, whatever tokens are kept of it", async () => {
    const { loopback, get, credentials, time } = await make({ auth: "auth.docker.io:bob:CANARY" });
    const service = tokenService({ bob: "CANARY" });
    loopback.play(host, (request, response) => {
      if (request.url?.includes("secret")) return say(response, 403);
      service(request, response);
    });
    // Somebody asks for what it may not have: a token without scopes shows that it is good.
    await expect(get("secret/x")).rejects.toMatchObject({ status: 403 });
    expect(credentials.refused()).toEqual([]);
    time.now += 10_000;
    loopback.play(host, tokenService({ bob: "CANARY-changed" }));
    expect(await get("mine/x")).toMatch(/^anonymous/);
    expect(credentials.refused()).toHaveLength(1);
  });

  it("asks the helper once more before it gives up", async () => {
    const answers = ["CANARY-old", "CANARY-new"];
    let asked = 0;
    const askHelper = async () => ({ user: "AWS", secret: answers[asked++] ?? "" });
    const { loopback, get, events, time } = await make({
      entries: [
        {
          address: { host, port: 443 },
          login: { kind: "helper", helper: "x", server: host },
        },
      ],
      askHelper,
    });
    loopback.play(host, tokenService({ AWS: "CANARY-old" }));
    await get();
    time.now += 60_000;
    loopback.play(host, tokenService({ AWS: "CANARY-new" }));
    const both = await Promise.all([get("c/d"), get("e/f")]);
    expect(both.toSorted()).toEqual(["CANARY-token-AWS-0", "CANARY-token-AWS-1"]);
    expect(asked).toBe(2);
    expect(events.map((event) => event.kind)).toEqual(Array(3).fill("tokenFetched"));
  });

  it("goes on anonymously when the helper hangs for as long as a token service may take", async () => {
    const { loopback, get, events } = await make({
      entries: [
        { address: { host, port: 443 }, login: { kind: "helper", helper: "x", server: host } },
      ],
      askHelper: async () => {
        await pause(1_200);
        throw new Error("docker-credential-x does not answer in time");
      },
    });
    loopback.play(host, tokenService());
    expect(await get()).toMatch(/^anonymous/);
    expect(await get("c/d")).toMatch(/^anonymous/);
    const failures = ["credentialHelperFailed", "tokenServiceFailed"];
    expect(events.map(({ kind }) => kind).filter((kind) => failures.includes(kind))).toEqual([
      "credentialHelperFailed",
    ]);
  });

  it("goes on anonymously when the helper is missing", async () => {
    const { loopback, get } = await make({
      entries: [
        { address: { host, port: 443 }, login: { kind: "helper", helper: "x", server: host } },
      ],
      askHelper: () => Promise.reject(new Error("docker-credential-x cannot be run")),
    });
    loopback.play(host, tokenService());
    expect(await get()).toBe("anonymous-0");
  });

  it("does not blame the credential for a service that is down", async () => {
    const { get, events } = await make({ auth: "auth.docker.io:bob:CANARY" });
    await expect(get()).rejects.toMatchObject({ code: "CONNECT" });
    expect(events.filter((event) => event.kind === "credentialRefused")).toEqual([]);
  });

  it("passes the refusal on when not even anonymously there is a token", async () => {
    const { loopback, get } = await make({ auth: "auth.docker.io:bob:CANARY" });
    loopback.play(host, tokenService({}, { anonymous: false }));
    await expect(get()).rejects.toMatchObject({ code: "REFUSED", status: 401 });
  });
});
