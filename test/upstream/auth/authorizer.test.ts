import { describe, expect, it } from "vitest";
import { printBasic } from "../../../src/protocol/http/basic-auth.ts";
import type { Registry } from "../../../src/protocol/registry-name.ts";
import type { AuthorizationAsk } from "../../../src/upstream/auth/authorization.ts";
import type { Access } from "../../../src/upstream/registry-client.ts";
import {
  type AuthOptions,
  bearerRegistry,
  hub,
  hubChallenge,
  hubHost,
  makeAuth,
  registry,
  say,
  startLoopback,
  tokenService,
} from "./loopback.ts";

const signal = new AbortController().signal;
const scopes = ["repository:a/b:pull"];

function ask(access: Access["kind"] | Access, of: Registry = hub): AuthorizationAsk {
  const kinds = typeof access === "string" ? ({ kind: access } as Access) : access;
  return { registry: of, access: kinds, scopes, signal };
}

/** A 401 with these challenges. */
const no = (challenges: readonly string[], status = 401) => ({ status, challenges });

async function make(options: AuthOptions = {}) {
  const loopback = await startLoopback();
  const auth = makeAuth(loopback, options);
  return { loopback, ...auth };
}

describe("what a request carries", () => {
  it("is nothing for none, also when a credential is there", async () => {
    const { authorizer, memory } = await make({ auth: "docker.io:bob:CANARY" });
    memory.remember(hub, ["Basic realm=x"]);
    expect(await authorizer.authorize(ask("none"))).toBeUndefined();
    expect(await authorizer.retry(ask("none"), undefined, no([hubChallenge]))).toBeUndefined();
  });

  it("is the client's own, untouched, but never a token of ours", async () => {
    const { authorizer } = await make();
    const own = (authorization: string) => ask({ kind: "client", authorization });
    expect(await authorizer.authorize(own("Basic x:y"))).toBe("Basic x:y");
    expect(await authorizer.authorize(own("Bearer ept1.a.b"))).toBeUndefined();
    expect(await authorizer.retry(own("Basic x"), "Basic x", no([hubChallenge]))).toBeUndefined();
  });

  it("is nothing while the registry is unknown, and what its challenge wants after a 401", async () => {
    const { loopback, authorizer, memory } = await make({ auth: "docker.io:bob:CANARY" });
    loopback.play("auth.docker.io", tokenService({ bob: "CANARY" }));
    expect(await authorizer.authorize(ask("shared"))).toBeUndefined();
    const first = await authorizer.retry(ask("shared"), undefined, no([hubChallenge]));
    expect(first).toBe("Bearer CANARY-token-bob-0");
    expect(memory.expect(hub, "a/b")?.lines).toEqual([hubChallenge]);
    expect(memory.recall(hub)).toBeUndefined();
    expect(await authorizer.authorize(ask("shared"))).toBe(first);
    expect(await authorizer.authorize(ask("anonymous"))).toBe("Bearer anonymous-1");
  });

  it("is one fresh token after a kept one was refused", async () => {
    const { loopback, authorizer, memory } = await make();
    loopback.play("auth.docker.io", tokenService());
    memory.remember(hub, [hubChallenge]);
    const sent = await authorizer.authorize(ask("anonymous"));
    const challenge = `${hubChallenge},scope="repository:a/b:pull",error="invalid_token"`;
    expect(await authorizer.retry(ask("anonymous"), sent, no([challenge]))).toBe(
      "Bearer anonymous-1",
    );
    expect(loopback.at("auth.docker.io")).toHaveLength(2);
  });

  it("is not sent twice when the service gives the same token again", async () => {
    const { loopback, authorizer, memory } = await make();
    memory.remember(hub, [hubChallenge]);
    loopback.play("auth.docker.io", (_, response) => response.end('{"token":"same"}'));
    const sent = await authorizer.authorize(ask("anonymous"));
    expect(await authorizer.retry(ask("anonymous"), sent, no([hubChallenge]))).toBeUndefined();
  });

  it("is nothing when the token service refuses, and an error when it is silent", async () => {
    const { loopback, authorizer, memory } = await make();
    memory.remember(hub, [hubChallenge]);
    loopback.play("auth.docker.io", tokenService({}, { anonymous: false }));
    expect(await authorizer.authorize(ask("anonymous"))).toBeUndefined();
    loopback.play("auth.docker.io", undefined);
    await expect(authorizer.authorize(ask("anonymous"))).rejects.toMatchObject({ code: "CONNECT" });
  });

  it("asks with the scope the challenge names, cut down to pulling", async () => {
    const { loopback, authorizer } = await make();
    loopback.play("public.ecr.aws", tokenService());
    const ecr = registry("public.ecr.aws");
    const challenge =
      'Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws repository:x:push,pull registry:catalog:*"';
    await authorizer.retry(ask("anonymous", ecr), undefined, no([challenge]));
    const asked = loopback.seen.find(({ url }) => url !== "/v2/");
    expect(asked?.url).toBe(
      "/token/?service=public.ecr.aws&scope=aws&scope=repository%3Aa%2Fb%3Apull&scope=repository%3Ax%3Apull",
    );
  });
});

describe("a registry that speaks Basic", () => {
  const reg = registry("reg.example:5000");
  const basic = printBasic({ user: "bob", password: "CANARY" });

  it("gets its own entry, and only after it asked for Basic", async () => {
    const { authorizer, memory } = await make({ auth: "reg.example:5000:bob:CANARY" });
    expect(authorizer.hasCredential(reg)).toBe(true);
    expect(authorizer.hasOwnRealm(reg)).toBe(false);
    expect(await authorizer.authorize(ask("shared", reg))).toBeUndefined();
    expect(await authorizer.retry(ask("shared", reg), undefined, no(["Basic realm=x"]))).toBe(
      basic,
    );
    // A repository's challenge is not its registry's: clients are shown a realm for what a ping says.
    expect(authorizer.hasOwnRealm(reg)).toBe(false);
    memory.remember(reg, ["Basic realm=x"]);
    expect(authorizer.hasOwnRealm(reg)).toBe(true);
    expect(await authorizer.authorize(ask("shared", reg))).toBe(basic);
    expect(await authorizer.authorize(ask("anonymous", reg))).toBeUndefined();
  });

  it("does not get it when it has Bearer too, or over plain http", async () => {
    const { authorizer, memory } = await make({ auth: "reg.example:5000:bob:CANARY" });
    memory.remember(reg, ['Basic realm=x, Bearer realm="https://elsewhere.example/token"']);
    expect(authorizer.hasOwnRealm(reg)).toBe(false);
    const plain = registry("reg.example:5000", "http");
    memory.remember(plain, ["Basic realm=x"]);
    expect(await authorizer.authorize(ask("shared", plain))).toBeUndefined();
  });

  it("that refuses it gets nothing for a minute, then is tried again", async () => {
    const { loopback, authorizer, memory, time, events, credentials } = await make({
      auth: "reg.example:5000:bob:CANARY",
    });
    loopback.play("reg.example:5000", (_, response) => say(response, 401));
    memory.remember(reg, ["Basic realm=x"]);
    const refused = no(["Basic realm=x"]);
    expect(await authorizer.retry(ask("shared", reg), basic, refused)).toBeUndefined();
    expect(await authorizer.isLoginRefused(ask("shared", reg), basic, 401)).toBe(true);
    expect(await authorizer.authorize(ask("shared", reg))).toBeUndefined();
    expect(await authorizer.isLoginRefused(ask("shared", reg), undefined, 401)).toBe(false);
    time.now += 61_000;
    expect(await authorizer.authorize(ask("shared", reg))).toBe(basic);
    expect(credentials.refused()).toHaveLength(1);
    loopback.play("reg.example:5000", (_, response) => say(response, 200));
    expect(await authorizer.isLoginRefused(ask("shared", reg), basic, 200)).toBe(false);
    expect(credentials.refused()).toEqual([]);
    expect(events.map((event) => event.kind)).toEqual(["credentialRefused", "credentialAccepted"]);
  });

  it("that has come to speak Bearer is asked for a token, and its login is not blamed", async () => {
    const { loopback, authorizer, memory, credentials } = await make({
      auth: "reg.example:bob:CANARY",
    });
    const bearer = registry("reg.example");
    memory.remember(bearer, ["Basic realm=x"]);
    loopback.play("reg.example", tokenService({ bob: "CANARY" }));
    const refused = no(['Bearer realm="https://reg.example/token"']);
    expect(await authorizer.retry(ask("shared", bearer), basic, refused)).toBe(
      "Bearer CANARY-token-bob-0",
    );
    expect(await authorizer.isLoginRefused(ask("shared", bearer), basic, 401)).toBe(false);
    expect(credentials.refused()).toEqual([]);
  });

  it("gets what the helper says now when what it said before has expired", async () => {
    const secrets = ["CANARY-1", "CANARY-2"];
    const server = "1.dkr.ecr.eu-west-1.amazonaws.com";
    const ecr = registry(server);
    const { authorizer, memory, events, time } = await make({
      entries: [
        {
          address: { host: server, port: 443 },
          login: { kind: "helper", helper: "ecr-login", server },
        },
      ],
      askHelper: async () => ({ user: "AWS", secret: secrets.shift() ?? "" }),
    });
    const line = `Basic realm="https://${server}/",service="ecr.amazonaws.com"`;
    memory.remember(ecr, [line]);
    const sent = await authorizer.authorize(ask("shared", ecr));
    expect(sent).toBe(printBasic({ user: "AWS", password: "CANARY-1" }));
    time.now += 60_000;
    // ECR says 403 to a token that has expired.
    expect(await authorizer.retry(ask("shared", ecr), sent, no([], 403))).toBe(
      printBasic({ user: "AWS", password: "CANARY-2" }),
    );
    expect(events).toEqual([]);
  });
});

describe("what is learned from a 401", () => {
  it("is the registry's word alone, not that of a token service on its host", async () => {
    const { authorizer, memory } = await make({ auth: "ghcr.io:bob:CANARY" });
    const ghcr = registry("ghcr.io");
    const outside = { ...ask("none", ghcr), scopes: [] };
    await authorizer.retry(outside, undefined, no(["Basic realm=x"]));
    expect(memory.recall(ghcr)).toBeUndefined();
    await authorizer.retry(
      ask("none", ghcr),
      undefined,
      no(['Bearer realm="https://ghcr.io/token"']),
    );
    expect(memory.expect(ghcr, "a/b")?.bearer?.key).toBe("https://ghcr.io/token");
  });

  it("is nothing when there is no challenge in it", async () => {
    const { authorizer, memory } = await make();
    memory.remember(hub, [hubChallenge]);
    await authorizer.retry(ask("none"), undefined, no([]));
    expect(memory.recall(hub)?.lines).toEqual([hubChallenge]);
  });
});

it("prepares a token for requests to come, and tells what challenge there is", async () => {
  const { loopback, authorizer, credentials } = await make({
    auth: "auth.docker.io:bob:CANARY",
  });
  loopback.play(hubHost, bearerRegistry(hubChallenge));
  loopback.play("auth.docker.io", tokenService({ bob: "CANARY" }));
  await authorizer.prepare({ registry: hub, scopes, isShared: true, signal });
  expect((await authorizer.challengeOf(hub, signal))?.lines).toEqual([hubChallenge]);
  await authorizer.prepare({ registry: hub, scopes, isShared: true, signal });
  expect(await authorizer.authorize(ask("shared"))).toBe("Bearer CANARY-token-bob-0");
  expect(authorizer.credentialOf(hub, "a/b")?.id).toMatch(/^[0-9a-f]{32}$/);
  expect(authorizer.credentialOf(registry("ghcr.io"), "a/b")).toBeUndefined();
  expect(authorizer.payer(hub, "a/b")).toBe(authorizer.credentialOf(hub, "a/b")?.id);
  credentials.forRegistry(registry("auth.docker.io"), "a/b")?.markRefused();
  expect(authorizer.payer(hub, "a/b")).toBeUndefined();
});

describe("a token service that is not where the remembered challenge says", () => {
  const reg = registry("reg.example");
  const old = 'Bearer realm="https://old.example/token",service="reg"';
  const moved = 'Bearer realm="https://reg.example/token",service="reg"';

  async function outdated() {
    const made = await make();
    made.memory.remember(reg, [old]);
    made.time.now += 61_000;
    return made;
  }

  it("is looked for at the registry, who names the new one to who comes without a token", async () => {
    const { loopback, authorizer } = await outdated();
    loopback.play("reg.example", tokenService());
    expect(await authorizer.authorize(ask("anonymous", reg))).toBeUndefined();
    const token = await authorizer.retry(ask("anonymous", reg), undefined, no([moved]));
    expect(token).toMatch(/^Bearer anonymous-/);
    const tokens = loopback.seen.filter(({ url }) => url.startsWith("/token"));
    expect(await authorizer.authorize(ask("anonymous", reg))).toMatch(/^Bearer anonymous-/);
    expect(loopback.seen.filter(({ url }) => url.startsWith("/token"))).toEqual(tokens);
  });

  it("is not looked for again within a minute when the registry says the same", async () => {
    const { authorizer } = await outdated();
    await authorizer.authorize(ask("anonymous", reg));
    const again = authorizer.retry(ask("anonymous", reg), undefined, no([old]));
    await expect(again).rejects.toMatchObject({ code: "CONNECT" });
    const next = authorizer.authorize(ask("anonymous", reg));
    await expect(next).rejects.toMatchObject({ code: "CONNECT" });
  });

  it("is waited for where it is only slow", async () => {
    const { loopback, authorizer } = await outdated();
    loopback.play("old.example", () => undefined);
    const slow = authorizer.authorize({ ...ask("anonymous", reg), patience: "brief" });
    await expect(slow).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  it("is no reason to refuse a client a token that will tell it so", async () => {
    const { loopback, authorizer, time } = await outdated();
    const prepared = () => authorizer.prepare({ registry: reg, scopes, isShared: false, signal });
    await expect(prepared(), "the registry is silent").rejects.toMatchObject({ code: "CONNECT" });
    loopback.play("reg.example", bearerRegistry(old));
    time.now += 61_000;
    await expect(prepared(), "it says the same").rejects.toMatchObject({ code: "CONNECT" });
    loopback.play("reg.example", bearerRegistry(moved));
    await expect(prepared(), "a moment ago").rejects.toMatchObject({ code: "CONNECT" });
    time.now += 61_000;
    await prepared();
  });
});
