import { describe, expect, it } from "vitest";
import type { Registry } from "../../../src/protocol/registry-name.ts";
import { longestTurn } from "../../support/longest-turn.ts";
import {
  type AuthOptions,
  bearerRegistry,
  hub,
  hubHost,
  makeAuth,
  registry,
  say,
  startLoopback,
  tokenService,
} from "./loopback.ts";

const signal = new AbortController().signal;
const evil = "evil.example";
const auth =
  "auth.docker.io:bob:CANARY-hub docker.io:reg:CANARY-registry corp.example:5000:eve:CANARY-corp ghcr.io:max:CANARY-ghcr";

/** Pulls with the shared credential, as a registry client would: authorise, ask, and once more after a 401. */
async function pull(of: Registry, challenge: string | string[], options: AuthOptions = {}) {
  const loopback = await startLoopback();
  const made = makeAuth(loopback, { auth, ...options });
  const host = of.name === "docker.io" ? hubHost : of.name;
  for (const token of ["auth.docker.io", "gitlab.com"]) {
    loopback.play(token, tokenService({ bob: "CANARY-hub", reg: "CANARY-registry" }));
  }
  loopback.play(host, bearerRegistry(challenge));
  const ask = {
    registry: of,
    access: { kind: "shared" } as const,
    scopes: ["repository:a/b:pull"],
    signal,
  };
  const run = async () => {
    const sent = await made.authorizer.authorize(ask);
    return made.authorizer.retry(ask, sent, { status: 401, challenges: [challenge].flat() });
  };
  return { loopback, ...made, run };
}

/** Everything that any host but the allowed ones saw. */
function leaks(
  loopback: Awaited<ReturnType<typeof pull>>["loopback"],
  allowed: string[],
): string[] {
  return loopback.seen
    .filter((one) => !allowed.includes(one.host))
    .flatMap((one) => loopback.secretsAt(one.host));
}

describe("a registry with a credential that names a realm elsewhere", () => {
  it.each([
    ["another host", `Bearer realm="https://${evil}/token"`],
    ["plain http", `Bearer realm="http://${evil}/token"`],
    ["plain http on a port", 'Bearer realm="http://auth.docker.io:8080/token"'],
    ["plain http at itself, on a port", 'Bearer realm="http://registry-1.docker.io:5000/token"'],
    ["an address", 'Bearer realm="https://127.0.0.1/token"'],
    ["an IPv6 address", 'Bearer realm="https://[::1]/token"'],
    ["a disguised address", 'Bearer realm="https://0x7f.1/token"'],
    ["user information", `Bearer realm="https://auth.docker.io@${evil}/token"`],
    ["user information with a password", `Bearer realm="https://auth.docker.io:443@${evil}/token"`],
    ["a backslash", `Bearer realm="https://${evil}\\\\@auth.docker.io/token"`],
    ["another port", 'Bearer realm="https://auth.docker.io:8443/token"'],
    ["a suffix", `Bearer realm="https://auth.docker.io.${evil}/token"`],
    ["a prefix", 'Bearer realm="https://evil-auth.docker.io/token"'],
    ["a look-alike name", 'Bearer realm="https://аuth.docker.io/token"'],
    ["its punycode", 'Bearer realm="https://xn--uth-8cd.docker.io/token"'],
    ["another registry's token host", 'Bearer realm="https://gitlab.com/jwt/auth"'],
    ["another registry with a credential", 'Bearer realm="https://ghcr.io/token"'],
    [
      "a realm given twice",
      `Bearer realm="https://${evil}/token",realm="https://auth.docker.io/token"`,
    ],
    [
      "two challenges",
      [`Bearer realm="https://${evil}/token"`, 'Bearer realm="https://auth.docker.io/token"'],
    ],
    ["a line within the realm", `Bearer realm="https://${evil}/token\\\r\nHost: auth.docker.io"`],
    ["a port at the end of the world", 'Bearer realm="https://auth.docker.io:443443/token"'],
  ])("%s: no secret goes anywhere", async (_, challenge) => {
    const { loopback, run } = await pull(hub, challenge);
    for (const host of [evil, "ghcr.io", "127.0.0.1", "[::1]", `auth.docker.io.${evil}`]) {
      loopback.play(host, (__, response) => say(response, 200, { token: "given-by-evil" }));
    }
    for (const host of ["auth.docker.io:8443", "xn--uth-8cd.docker.io", "evil-auth.docker.io"]) {
      loopback.play(host, (__, response) => say(response, 200, { token: "given-by-evil" }));
    }
    await run().catch(() => undefined);
    expect(loopback.seen.flatMap((one) => loopback.secretsAt(one.host))).toEqual([]);
    expect(loopback.at("127.0.0.1")).toEqual([]);
    expect(loopback.at("[::1]")).toEqual([]);
    expect(loopback.seen.filter((one) => one.scheme === "http")).toEqual([]);
  });

  it("plain http: the login goes over https alone", async () => {
    const { loopback, run } = await pull(hub, 'Bearer realm="http://auth.docker.io/token"');
    expect(await run()).toBe("Bearer CANARY-token-bob-0");
    expect(loopback.seen.filter((one) => one.scheme === "http")).toEqual([]);
  });

  it("a trailing dot or capitals are the same host, and no way round the check", async () => {
    const good = await pull(hub, 'Bearer realm="https://AUTH.docker.io./token"');
    expect(await good.run()).toBe("Bearer CANARY-token-bob-0");
    expect(leaks(good.loopback, ["auth.docker.io"])).toEqual([]);
    const bad = await pull(hub, `Bearer realm="https://auth.docker.io.${evil}./token"`);
    await bad.run().catch(() => undefined);
    expect(bad.loopback.seen.flatMap((one) => bad.loopback.secretsAt(one.host))).toEqual([]);
  });

  it("Basic instead of Bearer gets the registry's entry at the registry only", async () => {
    const { loopback, run, credentials } = await pull(hub, "Basic realm=x", {
      auth: "auth.docker.io:bob:CANARY-hub",
    });
    expect(await run()).toBeUndefined();
    expect(credentials.has(hub)).toBe(true);
    // The registry itself is asked what it wants, of nobody in particular.
    expect(loopback.secretsAt("registry-1.docker.io")).toEqual([]);
    expect(loopback.at("auth.docker.io")).toEqual([]);
  });
});

describe("a registry without a credential that names a trusted realm", () => {
  it.each([
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
    'Bearer realm="https://AUTH.docker.io:443/token",service="registry.docker.io"',
  ])("%s gets an anonymous token and no more", async (challenge) => {
    const { loopback, run } = await pull(registry(evil), challenge);
    expect(await run()).toBe("Bearer anonymous-0");
    expect(loopback.secretsAt("auth.docker.io")).toEqual([]);
  });

  it("never gets the token that was fetched for another", async () => {
    const challenge = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"';
    const { authorizer, memory, run } = await pull(hub, challenge);
    expect(await run()).toBe("Bearer CANARY-token-bob-0");
    memory.remember(registry(evil), [challenge]);
    const given = await authorizer.authorize({
      registry: registry(evil),
      access: { kind: "shared" },
      scopes: ["repository:a/b:pull"],
      signal,
    });
    expect(given).toBe("Bearer anonymous-1");
  });

  it("does not get what AUTH_REALMS gives another registry", async () => {
    const options = { realms: [{ registry: "corp.example:5000", tokenHost: "git.corp.example" }] };
    const { loopback, run } = await pull(
      registry(evil),
      'Bearer realm="https://git.corp.example/token"',
      options,
    );
    loopback.play("git.corp.example", tokenService({ eve: "CANARY-corp" }));
    expect(await run()).toBe("Bearer anonymous-0");
    expect(loopback.secretsAt("git.corp.example")).toEqual([]);
  });
});

describe("a token service that misbehaves", () => {
  const challenge = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"';

  it("redirects: the secret stays, and what is got there is everybody's", async () => {
    const { loopback, run } = await pull(hub, challenge);
    loopback.play("auth.docker.io", (_, response) =>
      say(response, 307, { token: "x" }, { location: `https://${evil}/token` }),
    );
    loopback.play(evil, tokenService());
    expect(await run()).toBe("Bearer anonymous-0");
    expect(loopback.secretsAt(evil)).toEqual([]);
  });

  it.each([
    ["10 MB", "x".repeat(10_000_000), "TOO_LARGE"],
    ["a token of 10 MB", `{"token":"${"x".repeat(10_000_000)}"}`, "TOO_LARGE"],
    ["a token of 20 KB", `{"token":"${"x".repeat(20_000)}"}`, "PROTOCOL"],
    ["a token with a line of its own", '{"token":"a\\r\\nX-Evil: b"}', "PROTOCOL"],
    ["a bomb of brackets", "[".repeat(260_000), "PROTOCOL"],
    ["a bomb of objects", '{"a":'.repeat(50_000), "PROTOCOL"],
    ["a page", "<html></html>", "PROTOCOL"],
    ["a prototype", '{"__proto__":{"token":"x"}}', "PROTOCOL"],
  ])("answers with %s: refused, and fast", async (_, body, code) => {
    const { loopback, run } = await pull(hub, challenge);
    loopback.play("auth.docker.io", (__, response) => say(response, 200, body));
    const turn = await longestTurn(() => expect(run()).rejects.toMatchObject({ code }));
    expect(turn).toBeLessThan(500);
  });

  it("says things in its refusal that never get into an error", async () => {
    const { loopback, tokens, memory } = await pull(hub, challenge);
    loopback.play("auth.docker.io", (request, response) =>
      say(response, 401, { you: request.headers.authorization ?? "nobody" }),
    );
    const bearer = memory.remember(hub, [challenge]).bearer;
    if (bearer === undefined) throw new Error("no Bearer");
    const failed = tokens.get({ registry: hub, scopes: [], isShared: true, signal }, bearer);
    const error: Error = await failed.then(
      () => new Error("a token"),
      (thrown) => thrown,
    );
    expect(`${error.message} ${error.stack}`).not.toMatch(/CANARY|Basic/);
  });
});

describe("parameters that try to become something else", () => {
  it.each(["a&scope=repository:secret:pull", "a\\\r\nX-Evil: yes", "a#b", "a b", "../../x"])(
    "service %j stays one value",
    async (service) => {
      const challenge = `Bearer realm="https://auth.docker.io/token",service="${service}"`;
      const { loopback, run } = await pull(hub, challenge);
      await run();
      const [asked] = loopback.at("auth.docker.io");
      const query = new URL(asked?.url ?? "", "https://auth.docker.io").searchParams;
      expect(asked?.url).toMatch(/^\/token\?service=[\w%.~!'()*-]*&scope=[\w%]+$/);
      expect([...query.keys()]).toEqual(["service", "scope"]);
      expect(query.getAll("scope")).toEqual(["repository:a/b:pull"]);
    },
  );

  it("the realm's own query asks for no long-lived token, no account and no more than pulling", async () => {
    const realm =
      "https://auth.docker.io/token?offline_token=true&account=bob&access_type=offline&client_id=x&scope=repository:a/b:push,pull&scope=registry:catalog:*&kept=yes";
    const { loopback, run } = await pull(hub, `Bearer realm="${realm}",scope="repository:a/b:*"`);
    await run();
    expect(loopback.at("auth.docker.io").map((one) => one.url)).toEqual([
      "/token?kept=yes&scope=repository%3Aa%2Fb%3Apull",
    ]);
  });
});
