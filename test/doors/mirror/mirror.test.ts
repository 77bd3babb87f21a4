import { once } from "node:events";
import { createServer } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { Mirror } from "../../../src/doors/mirror/mirror.ts";
import type { OriginCall } from "../../../src/doors/server/calls.ts";
import { formatHostPort } from "../../../src/protocol/http/host-port.ts";
import { canonicalRegistry, type Registry } from "../../../src/protocol/registry-name.ts";
import type { Ask } from "../../../src/registry/ask.ts";
import { portOf } from "../open-door.ts";

describe("a mirror request", () => {
  it("becomes an Ask with the names this client uses", async () => {
    const { asks } = await ask({ target: "/v2/ghcr.io/o/app/tags/list?ns=ghcr.io" });
    expect(asks).toEqual([
      {
        registry: named("ghcr.io"),
        door: "mirror",
        target: "/v2/o/app/tags/list",
        client: "10.0.0.9",
        view: { repositoryPrefix: "ghcr.io/", isLibraryImplied: false, namespace: "ghcr.io" },
        isOpen: true,
        isPublicOnly: false,
      },
    ]);
  });

  it("for a host nobody named goes there only if it answers as a registry", async () => {
    const target = "/v2/a/tags/list?ns=unknown.example";
    const yes = await ask({ target }, true);
    expect(yes.asks).toMatchObject([{ registry: { name: "unknown.example" } }]);
    const no = await ask({ target });
    expect(no.asks).toEqual([]);
    expect(no.probed).toEqual(["unknown.example:443"]);
    expect(no.status).toBe(404);
    expect(no.body).toMatch(/NAME_UNKNOWN.*unknown\.example.*REGISTRIES/);
    expect(no.refused).toEqual([
      "404 GET /v2/a/tags/list unknown.example does not answer as a registry; if it is one, add it to REGISTRIES on the proxy, with http:// if it speaks no TLS",
    ]);
    expect(yes.refused).toEqual([]);
  });

  it.each(["/v2/", "/v2/alpine/tags/list", "/v2/a/b/tags/list?ns=ghcr.io"])(
    "for a known registry asks nobody first: %s",
    async (target) => expect((await ask({ target })).probed).toEqual([]),
  );

  it("with a namespace that is no host is refused", async () => {
    const { status, asks } = await ask({ target: "/v2/a/tags/list?ns=a%2Fb" });
    expect(status).toBe(400);
    expect(asks).toEqual([]);
  });
});

describe("a proxy that asks for logins", () => {
  const target = "/v2/a/b/tags/list";

  it("gives public images alone to mirror clients it does not know", async () => {
    expect((await ask({ target, client: "10.1.1.1" })).asks).toMatchObject([
      { isPublicOnly: true },
    ]);
  });

  it("gives all to those it knows, and to those who came through the proxy door", async () => {
    expect((await ask({ target })).asks).toMatchObject([{ isPublicOnly: false }]);
    const through = await ask({ target, client: "10.1.1.1", isDirect: false });
    expect(through.asks).toMatchObject([{ isPublicOnly: false }]);
  });
});

describe("a name that takes logins", () => {
  const host = { host: "corp.lan", port: 443 };

  it.each([
    ["over TLS", { isTls: true }, 200],
    ["over plain HTTP from this machine", { client: "127.0.0.1" }, 200],
    ["over plain HTTP", {}, 403],
  ])("%s", async (_what, call, status) => {
    const answer = await ask({ target: "/v2/", host, ...call });
    expect(answer.status).toBe(status);
    // What the operator's credential opens is not for those who have an account of their own.
    const asked = { isOpen: false, isPublicOnly: true };
    expect(answer.asks).toMatchObject(status === 200 ? [asked] : []);
  });
});

async function ask(call: Partial<OriginCall>, isRegistry = false) {
  const asks: Ask[] = [];
  const refused: string[] = [];
  const probed: string[] = [];
  const mirror = new Mirror({
    rules: {
      virtualHosts: [{ host: "corp.lan", name: named("corp.example").name, isLogin: true }],
      defaultName: named("docker.io").name,
      isDefaultLogin: false,
      isKnown: (name) => name === "ghcr.io",
      registryOf: (name) => ({ name, scheme: "https" }),
    },
    engine: {
      handle: async (_request, response, its) => {
        asks.push(its);
        response.end();
      },
    },
    observe: (event) => {
      if (event.kind === "refused") refused.push(`${event.status} ${event.asked} ${event.reason}`);
    },
    mayHaveShared: (client) => client === "10.0.0.9",
    isRegistry: async (address) => {
      probed.push(formatHostPort(address));
      return isRegistry;
    },
  });
  const server = createServer((request, response) => {
    const usual = {
      target: "/v2/",
      host: undefined,
      client: "10.0.0.9",
      isTls: false,
      isDirect: true,
      foreign: undefined,
    };
    mirror
      .handle(request, response, { ...usual, ...call })
      .catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const answer = await fetch(`http://127.0.0.1:${portOf(server)}${call.target ?? "/"}`);
  return { asks, probed, refused, status: answer.status, body: await answer.text() };
}

function named(text: string): Registry {
  const name = canonicalRegistry(text);
  if (name === undefined) throw new TypeError(text);
  return { name, scheme: "https" };
}
