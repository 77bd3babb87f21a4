import { describe, expect, it } from "vitest";
import { parseHostPort } from "../../../src/protocol/http/host-port.ts";
import type { CredentialEntry } from "../../../src/upstream/auth/credential.ts";
import { parseRealm } from "../../../src/upstream/auth/realm.ts";
import type { TokenAsk } from "../../../src/upstream/auth/token-client.ts";
import {
  hub,
  makeAuth,
  type Play,
  registry,
  say,
  startLoopback,
  tokenService,
} from "./loopback.ts";

const host = "auth.docker.io";
const address = parseHostPort(host, 443) ?? { host: "", port: 0 };

function ask(changes: Partial<TokenAsk> = {}): TokenAsk {
  const realm = parseRealm("https://auth.docker.io/token");
  if (realm === undefined) throw new Error("no realm");
  return {
    registry: hub,
    realm,
    service: "registry.docker.io",
    scopes: ["repository:a/b:pull"],
    isBelieved: true,
    credential: undefined,
    patience: "full",
    signal: new AbortController().signal,
    ...changes,
  };
}

async function make(auth = "") {
  const loopback = await startLoopback();
  return { loopback, ...makeAuth(loopback, { auth }) };
}

const to =
  (location: string | undefined, status = 302): Play =>
  (_, response) =>
    say(response, status, "", location === undefined ? {} : { location });

/** Wants a slash at the end, and keeps the query. */
function slashed(status: number): Play {
  const service = tokenService({ bob: "CANARY-hub" });
  return (request, response) => {
    if (request.url?.startsWith("/token/?") === true) return service(request, response);
    to(request.url?.replace("?", "/?"), status)(request, response);
  };
}

const refreshing: CredentialEntry = {
  address,
  login: { kind: "identity", token: "CANARY-refresh" },
};

describe("the token client", () => {
  it("asks once for all who want the same, and keeps the token until 30 s before its end", async () => {
    const { loopback, client, time } = await make();
    loopback.play(host, tokenService({}, { expiresIn: 300 }));
    const tokens = await Promise.all([1, 2, 3].map(() => client.fetch(ask())));
    expect(tokens).toEqual(["anonymous-0", "anonymous-0", "anonymous-0"]);
    time.now += 269_000;
    expect(await client.fetch(ask())).toBe("anonymous-0");
    time.now += 2_000;
    expect(await client.fetch(ask())).toBe("anonymous-1");
    expect(loopback.at(host).map((one) => one.url)).toEqual([
      "/token?service=registry.docker.io&scope=repository%3Aa%2Fb%3Apull",
      "/token?service=registry.docker.io&scope=repository%3Aa%2Fb%3Apull",
    ]);
  });

  it("keeps tokens apart by registry, service, scopes, realm and credential", async () => {
    const { loopback, client, credentials } = await make("auth.docker.io:bob:CANARY");
    loopback.play(host, tokenService({ bob: "CANARY" }));
    const realm = parseRealm("https://auth.docker.io/token?x=y");
    const credential = credentials.forRealm(hub, address, undefined);
    const asks = [
      ask(),
      ask({ registry: registry("evil.example") }),
      ask({ service: "other" }),
      ask({ scopes: [] }),
      ask(realm === undefined ? {} : { realm }),
      ask({ credential }),
    ];
    const tokens = await Promise.all(asks.map((one) => client.fetch(one)));
    expect(new Set(tokens).size).toBe(asks.length);
    expect(tokens.filter((token) => token.startsWith("CANARY"))).toHaveLength(1);
  });

  it("fetches another once a token is forgotten", async () => {
    const { loopback, client } = await make();
    loopback.play(host, tokenService());
    client.forget(await client.fetch(ask()));
    expect(await client.fetch(ask())).toBe("anonymous-1");
  });

  it("passes a refusal on in the service's own words", async () => {
    const { loopback, client } = await make();
    loopback.play(host, tokenService({}, { anonymous: false }));
    await expect(client.fetch(ask())).rejects.toMatchObject({
      code: "REFUSED",
      status: 401,
      body: Buffer.from('{"details":"incorrect username or password"}'),
    });
  });

  it.each([301, 302, 303, 307, 308])(
    "follows a %i to the same host with a slash",
    async (status) => {
      const { loopback, client, credentials } = await make("auth.docker.io:bob:CANARY-hub");
      loopback.play(host, slashed(status));
      expect(await client.fetch(ask())).toMatch(/^anonymous/);
      const credential = credentials.forRealm(hub, address, undefined);
      expect(await client.fetch(ask({ credential }))).toMatch(/^CANARY-token-bob/);
    },
  );

  it.each([301, 302, 307, 308])("posts a refresh token again after a %i", async (status) => {
    const { loopback, client, credentials } = await make();
    const seen: string[] = [];
    loopback.play(host, (request, response) => {
      seen.push(`${request.method} ${request.url}`);
      if (request.url === "/token/") return say(response, 200, { access_token: "posted" });
      say(response, status, "", { location: "/token/" });
    });
    credentials.replace([refreshing]);
    const credential = credentials.forRealm(hub, address, undefined);
    expect(await client.fetch(ask({ credential }))).toBe("posted");
    expect(seen).toEqual(["POST /token", "POST /token/"]);
    expect(loopback.at(host).at(-1)?.text).toContain("CANARY-refresh");
  });

  it("follows to another host, which gets no login", async () => {
    const { loopback, client, credentials } = await make("auth.docker.io:bob:CANARY-hub");
    loopback.play(host, to("https://login.example/token?x=1"));
    loopback.play("login.example", tokenService({ bob: "CANARY-hub" }));
    expect(await client.fetch(ask())).toBe("anonymous-0");
    const credential = credentials.forRealm(hub, address, undefined);
    await expect(client.fetch(ask({ credential }))).rejects.toMatchObject({
      code: "REFUSED",
      ledAwayTo: { host: "login.example", port: 443 },
    });
    expect(loopback.secretsAt("login.example")).toEqual([]);
    expect(loopback.at("login.example")).toHaveLength(1);
    expect(credential?.isRefused).toBe(false);
  });

  it("takes a login along to the host that is the registry's pair", async () => {
    const loopback = await startLoopback();
    const { client, credentials } = makeAuth(loopback, {
      auth: "docker.io:bob:CANARY-hub",
      realms: [{ registry: "docker.io", tokenHost: "login.example" }],
    });
    loopback.play(host, to("https://login.example/token"));
    loopback.play("login.example", tokenService({ bob: "CANARY-hub" }));
    const credential = credentials.forRealm(hub, address, undefined);
    expect(await client.fetch(ask({ credential }))).toBe("CANARY-token-bob-0");
  });

  it.each([
    ["to plain http", "http://auth.docker.io/token"],
    ["to an address", "https://10.0.0.1/token"],
    ["nowhere", undefined],
    ["with a login in it", "https://x:y@auth.docker.io/token"],
  ])("follows nobody %s", async (_name, location) => {
    const { loopback, client } = await make();
    loopback.play(host, to(location));
    for (const other of ["10.0.0.1"]) loopback.play(other, tokenService());
    await expect(client.fetch(ask())).rejects.toMatchObject({ code: "REDIRECT" });
    expect(loopback.seen).toHaveLength(1);
  });

  it("follows three times and no more", async () => {
    const { loopback, client } = await make();
    const hops = (most: number) => {
      let count = 0;
      loopback.play(host, (request, response) => {
        count += 1;
        if (count > most) return tokenService()(request, response);
        say(response, 302, "", { location: `/token/${count}` });
      });
    };
    hops(3);
    expect(await client.fetch(ask())).toBe("anonymous-0");
    hops(4);
    await expect(client.fetch(ask({ service: "x" }))).rejects.toMatchObject({ code: "REDIRECT" });
    expect(loopback.seen).toHaveLength(8);
  });

  it("judges where it is sent on in the name of who asked", async () => {
    const { loopback, client } = await make();
    loopback.play(host, to("https://login.example/token"));
    loopback.play("login.example", tokenService());
    await client.fetch(ask());
    expect(loopback.seen.map(({ onBehalfOf }) => onBehalfOf)).toEqual(["docker.io", "docker.io"]);
    // What is no token host of a registry that the operator named is judged by itself.
    await client.fetch(ask({ isBelieved: false, service: "x" }));
    expect(loopback.seen.slice(2).map((one) => one.onBehalfOf)).toEqual([host, "login.example"]);
  });

  it("is led by the stranger who said 401, and by one that it is sent on by", async () => {
    const loopback = await startLoopback();
    const ours = ["registry-1.docker.io", "named.example"];
    const isNamed = (at: { host: string }) => ours.includes(at.host);
    const { client } = makeAuth(loopback, { isNamed });
    loopback.play(host, to("https://stranger.example/token"));
    loopback.play("stranger.example", to("https://named.example/token"));
    loopback.play("named.example", tokenService());
    const leaders = async (changes: Partial<TokenAsk>) => {
      loopback.seen.length = 0;
      await client.fetch(ask(changes));
      return loopback.seen.map(({ ledBy }) => ledBy);
    };
    expect(await leaders({})).toEqual([undefined, undefined, "stranger.example"]);
    // Not believed, the realm's host is a stranger like any other.
    const unbelieved = await leaders({ isBelieved: false, service: "a" });
    expect(unbelieved).toEqual([undefined, host, host]);
    const { name } = registry("evil.example");
    const sent = { began: hub.name, registry: registry("evil.example"), isBelieved: true };
    expect(await leaders(sent)).toEqual([name, name, name]);
    const through = { began: hub.name, registry: registry("named.example"), ledBy: name };
    expect(await leaders(through)).toEqual([name, name, name]);
  });

  it("posts the password where GET is not known, and GETs where POST is not", async () => {
    const { loopback, client, credentials } = await make("auth.docker.io:bob:CANARY");
    loopback.play(host, (request, response) => {
      if (request.method === "GET") return say(response, 405);
      say(response, 200, { access_token: "posted" });
    });
    const credential = credentials.forRealm(hub, address, undefined);
    expect(await client.fetch(ask({ credential }))).toBe("posted");
    expect(loopback.at(host).map((one) => one.method)).toEqual(["GET", "POST"]);
  });

  it("leaves a service alone that says 429, for as long as it says", async () => {
    const { loopback, client, time } = await make();
    loopback.play(host, (_, response) => say(response, 429, "", { "retry-after": "120" }));
    await expect(client.fetch(ask())).rejects.toMatchObject({ code: "DOWN" });
    loopback.play(host, tokenService());
    time.now += 119_000;
    await expect(client.fetch(ask())).rejects.toMatchObject({ code: "DOWN" });
    expect(loopback.at(host)).toHaveLength(1);
    time.now += 2_000;
    expect(await client.fetch(ask())).toBe("anonymous-0");
  });

  it("asks a service that says 429, and not for how long, later and later, whatever is wanted", async () => {
    const { loopback, client, time } = await make();
    loopback.play(host, (_, response) => say(response, 429, "slow down"));
    for (let second = 0; second < 60; second++) {
      const scopes = [`repository:a/b${second}:pull`];
      await expect(client.fetch(ask({ scopes }))).rejects.toMatchObject({
        code: "DOWN",
        headers: expect.toSatisfy((headers) => Number(headers.get("retry-after")?.[0]) >= 1),
        body: Buffer.from("slow down"),
      });
      time.now += 1_000;
    }
    expect(loopback.at(host).length).toBeLessThanOrEqual(6);
  });

  it("answers a brief ask at once while the service is down, and asks for a full one", async () => {
    const { loopback, client, time, events } = await make();
    await expect(client.fetch(ask())).rejects.toMatchObject({ code: "CONNECT" });
    await expect(client.fetch(ask({ patience: "brief" }))).rejects.toMatchObject({ code: "DOWN" });
    expect(loopback.at(host)).toHaveLength(1);
    expect(events.map((event) => event.kind)).toEqual(["tokenServiceFailed"]);
    loopback.play(host, (_, response) => say(response, 503));
    await expect(client.fetch(ask())).rejects.toMatchObject({ code: "DOWN" });
    time.now += 16_000;
    loopback.play(host, tokenService());
    expect(await client.fetch(ask({ patience: "brief" }))).toBe("anonymous-0");
  });

  it("lets a brief ask go while the exchange goes on for the next", async () => {
    const { loopback, client } = await make();
    const gate = Promise.withResolvers<void>();
    const service = tokenService();
    loopback.play(
      host,
      (request, response) => void gate.promise.then(() => service(request, response)),
    );
    await expect(client.fetch(ask({ patience: "brief" }))).rejects.toMatchObject({
      code: "TIMEOUT",
    });
    const patient = client.fetch(ask());
    gate.resolve();
    expect(await patient).toBe("anonymous-0");
    expect(await client.fetch(ask({ patience: "brief" }))).toBe("anonymous-0");
    expect(loopback.at(host)).toHaveLength(1);
  });

  it("does not wait briefly for a service that others found down, and tells when it is", async () => {
    const { loopback, client, outages, time } = await make();
    outages.failed(host, "TIMEOUT");
    await expect(client.fetch(ask({ patience: "brief" }))).rejects.toMatchObject({ code: "DOWN" });
    expect(loopback.seen).toEqual([]);
    time.now += 16_000;
    loopback.play(host, () => undefined);
    const late = client.fetch(ask({ patience: "brief" }));
    await expect(late).rejects.toMatchObject({ code: "TIMEOUT" });
    expect(outages.isDown(host)).toBe(true);
  });

  it.each<readonly [string, string, Play]>([
    ["redirects", "/elsewhere", (_, response) => say(response, 302, "", { location: "/" })],
    ["is a web page", "/", (_, response) => say(response, 200, "<html>")],
    ["hangs", "/hang", () => undefined],
    ["says 429", "/limited", (_, response) => say(response, 429, "", { "retry-after": "3600" })],
  ])(
    "serves a registry on, whose token host another registry names for a path that %s",
    async (_, path, play) => {
      const { loopback, client, outages } = await make();
      const service = tokenService();
      loopback.play(host, (request, response) =>
        (request.url?.startsWith("/token") ? service : play)(request, response),
      );
      const realm = parseRealm(`https://${host}${path}`);
      if (realm === undefined) throw new Error("no realm");
      const ofEvil = ask({ registry: registry("evil.example"), realm, isBelieved: false });
      await expect(client.fetch(ofEvil)).rejects.toThrow();
      expect(outages.isDown(host)).toBe(false);
      expect(await client.fetch(ask({ patience: "brief" }))).toBe("anonymous-0");
    },
  );

  it("dials in the registry's name only where the registry may have its tokens from", async () => {
    const { loopback, client } = await make();
    loopback.play(host, tokenService());
    await client.fetch(ask());
    await client.fetch(ask({ registry: registry("evil.example"), isBelieved: false }));
    expect(loopback.at(host).map(({ onBehalfOf }) => onBehalfOf)).toEqual(["docker.io", host]);
  });

  it("does not end the exchange for others when one leaves", async () => {
    const { loopback, client } = await make();
    const gate = Promise.withResolvers<void>();
    const service = tokenService();
    loopback.play(
      host,
      (request, response) => void gate.promise.then(() => service(request, response)),
    );
    const leaving = new AbortController();
    const first = client.fetch(ask({ signal: leaving.signal }));
    const second = client.fetch(ask());
    leaving.abort();
    await expect(first).rejects.toMatchObject({ code: "ABORTED" });
    gate.resolve();
    expect(await second).toBe("anonymous-0");
  });

  it("gives up on a service that never ends its answer", async () => {
    const { loopback, client } = await make();
    loopback.play(host, (_, response) => {
      response.writeHead(200);
      response.write('{"token":');
    });
    await expect(client.fetch(ask())).rejects.toMatchObject({ code: "TIMEOUT" });
  });
});
