import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { describe, expect, it } from "vitest";
import {
  type HeaderList,
  headerList,
  headerValue,
} from "../../../src/protocol/http/header-list.ts";
import type { HostPort } from "../../../src/protocol/http/host-port.ts";
import { formatHostPort } from "../../../src/protocol/http/host-port.ts";
import { type Registry, registryAt, registryNameOf } from "../../../src/protocol/registry-name.ts";
import { TokenLimited } from "../../../src/upstream/auth/token-limited.ts";
import type { Authorizing } from "../../../src/upstream/client/authorized-send.ts";
import { PooledRegistryClient } from "../../../src/upstream/client/pooled-registry-client.ts";
import type { Access, RegistryRequest } from "../../../src/upstream/registry-client.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { buildRig, listening, type RigOptions, readAll, rejection } from "../rig.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that notes every request as `GET /path Authorization`. */
async function server(handler: Handler) {
  const seen: string[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const address = await listening(
    createServer((request, response) => {
      headers.push(request.headers);
      seen.push(
        [request.method, request.url, request.headers.authorization].filter(Boolean).join(" "),
      );
      handler(request, response);
    }),
  );
  const registry: Registry = registryAt(address, "http");
  const origin = `http://${address.host}:${address.port}`;
  return { address, seen, headers, registry, origin };
}

/** Sends `Bearer KIND` first and `Bearer KIND again` after a 401, but a client's own header as it is. */
function authorizing(changes: Partial<Authorizing> = {}): Authorizing & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    authorize: async ({ access, registry, scopes }) => {
      if (access.kind === "none") return undefined;
      if (access.kind === "client") return access.authorization;
      asked.push(`${registry.name} ${access.kind} ${scopes.join(" ")}`);
      return `Bearer ${access.kind}`;
    },
    retry: async ({ access }, sent, { challenges }) => {
      if (access.kind === "none" || access.kind === "client") return undefined;
      asked.push(`retry ${sent} ${challenges.join(" | ")}`);
      return `Bearer ${access.kind} again`;
    },
    isLoginRefused: async () => false,
    hasCredential: () => false,
    payer: () => "operator",
    ...changes,
  };
}

type ClientOptions = RigOptions & {
  readonly authorizer?: Authorizing;
  readonly wait?: { readonly full: number; readonly brief: number };
  readonly keptBytes?: number;
  readonly isNamed?: (address: HostPort) => boolean;
};

function clientFor(addresses: readonly HostPort[], options: ClientOptions = {}) {
  const rig = buildRig({
    named: addresses.map(({ host, port }) => `${host}:${port}`),
    ...options,
  });
  const authorizer = options.authorizer ?? authorizing();
  const client = new PooledRegistryClient({
    transport: rig.transport,
    authorizer,
    isNamed: options.isNamed ?? ((address) => rig.destinations.isNamed(address)),
    observe: (event) => rig.events.push(event),
    now: () => performance.now(),
    ...(options.wait === undefined ? {} : { limits: options.wait }),
    ...(options.keptBytes === undefined ? {} : { keptBytes: options.keptBytes }),
  });
  return { client, events: rig.events };
}

function ask(registry: Registry, changes: Partial<RegistryRequest> = {}): RegistryRequest {
  return {
    registry,
    method: "GET",
    target:
      "/v2/library/alpine/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000",
    headers: headerList({}),
    access: { kind: "anonymous" },
    redirects: "blob",
    patience: "full",
    signal: new AbortController().signal,
    ...changes,
  };
}

const ok: Handler = (_request, response) => response.end("ok");
const to =
  (location: string, status = 307): Handler =>
  (_request, response) =>
    response.writeHead(status, { location }).end("moved");

describe("authorization", () => {
  it("is what the authorizer gives for the repository", async () => {
    const registry = await server(ok);
    const authorizer = authorizing();
    const { client } = clientFor([registry.address], { authorizer });
    expect((await client.send(ask(registry.registry))).status).toBe(200);
    expect(authorizer.asked).toEqual([
      `${registry.registry.name} anonymous repository:library/alpine:pull`,
    ]);
    expect(registry.seen).toEqual([
      "GET /v2/library/alpine/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000 Bearer anonymous",
    ]);
  });

  it("is never taken from the request's headers, nor are cookies", async () => {
    const registry = await server(ok);
    const { client } = clientFor([registry.address]);
    const headers = headerList({ authorization: "Bearer CANARY", cookie: "CANARY" });
    await client.send(ask(registry.registry, { headers, access: { kind: "none" } }));
    expect(registry.headers[0]?.authorization).toBeUndefined();
    expect(registry.headers[0]?.cookie).toBeUndefined();
  });

  it("belongs to a client whose page is outside /v2/, and so do its cookies", async () => {
    const registry = await server((_request, response) => {
      response.writeHead(200, { "set-cookie": "sid=CANARY" }).end("page");
    });
    const { client } = clientFor([registry.address]);
    const headers = headerList({ cookie: "CANARY" });
    const cookies = async (target: string, access: Access) => {
      const page = ask(registry.registry, { headers, target, access, redirects: "pass" });
      const answer = await client.send(page);
      answer.body.destroy();
      return [registry.headers.at(-1)?.cookie, answer.headers.get("set-cookie")?.[0]];
    };
    expect(await cookies("/login", { kind: "none" })).toEqual(["CANARY", "sid=CANARY"]);
    expect(await cookies("/login", { kind: "shared" })).toEqual([undefined, undefined]);
    expect(await cookies("/v2/a/tags/list", { kind: "none" })).toEqual([undefined, undefined]);
  });

  it("is tried once more after a 401, with the challenge learnt", async () => {
    const registry = await server((request, response) => {
      if (request.headers.authorization?.endsWith("again")) response.end("ok");
      else response.writeHead(401, { "www-authenticate": 'Bearer realm="r"' }).end();
    });
    const authorizer = authorizing();
    const { client } = clientFor([registry.address], { authorizer });
    const answer = await client.send(ask(registry.registry, { access: { kind: "shared" } }));
    expect(answer.status).toBe(200);
    expect(authorizer.asked[1]).toBe('retry Bearer shared Bearer realm="r"');
    expect(registry.seen).toHaveLength(2);
  });

  it("is not tried a third time", async () => {
    const registry = await server((_request, response) => response.writeHead(401).end("no"));
    const { client } = clientFor([registry.address]);
    const answer = await client.send(ask(registry.registry));
    expect(answer.status).toBe(401);
    expect(String(await readAll(answer.body))).toBe("no");
    expect(registry.seen).toHaveLength(2);
  });

  it("stays refused when there is nothing better to send", async () => {
    const registry = await server((_request, response) => response.writeHead(401).end("no"));
    const authorizer = authorizing({ retry: async () => undefined });
    const { client } = clientFor([registry.address], { authorizer });
    const answer = await client.send(ask(registry.registry));
    expect(String(await readAll(answer.body))).toBe("no");
    expect(registry.seen).toHaveLength(1);
  });

  it.each([
    [{ kind: "client", authorization: "Basic mine" }, " Basic mine"],
    [{ kind: "none" }, ""],
  ] as const)("of %j is passed as it is, and so is its 401", async (access, sent) => {
    const registry = await server((_request, response) => response.writeHead(401).end());
    const authorizer = authorizing();
    const { client } = clientFor([registry.address], { authorizer });
    expect((await client.send(ask(registry.registry, { access }))).status).toBe(401);
    expect(registry.seen).toEqual([
      `GET /v2/library/alpine/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000${sent}`,
    ]);
    expect(authorizer.asked).toEqual([]);
  });
});

describe("what is sent", () => {
  it("asks for content as it is, and says who asks", async () => {
    const registry = await server(ok);
    const { client } = clientFor([registry.address]);
    const headers = headerList({ "accept-encoding": "gzip, br", "user-agent": "docker/29" });
    await client.send(ask(registry.registry, { headers }));
    await client.send(ask(registry.registry, { target: "/v2/a/tags/list", redirects: "pass" }));
    await client.send(ask(registry.registry, { target: "/token", redirects: "pass", headers }));
    const fields = registry.headers.map((each) => [each["accept-encoding"], each["user-agent"]]);
    expect(fields).toEqual([
      ["identity", "docker/29"],
      ["identity", "entrepot"],
      ["gzip, br", "docker/29"],
    ]);
  });

  it("includes a push's body", async () => {
    const bodies: string[] = [];
    const registry = await server((request, response) => {
      void readAll(request).then((bytes) => {
        bodies.push(String(bytes));
        response.writeHead(202).end();
      });
    });
    const { client } = clientFor([registry.address]);
    const body = (async function* () {
      yield Buffer.from("layer");
    })();
    const access: Access = { kind: "client", authorization: "Bearer mine" };
    const wanted = ask(registry.registry, { method: "PATCH", access, body, redirects: "pass" });
    expect((await client.send(wanted)).status).toBe(202);
    expect(bodies).toEqual(["layer"]);
  });
});

describe("a blob's redirect", () => {
  it.each([301, 302, 303, 307, 308])("%i is followed without the Authorization", async (status) => {
    const cdn = await server(ok);
    const registry = await server(to(`${cdn.origin}/b?sig=x`, status));
    const { client } = clientFor([registry.address, cdn.address]);
    const headers = headerList({ range: "bytes=5-", accept: "a/b" });
    const answer = await client.send(ask(registry.registry, { headers }));
    expect(String(await readAll(answer.body))).toBe("ok");
    expect(cdn.seen).toEqual(["GET /b?sig=x"]);
    expect(cdn.headers[0]).toMatchObject({ range: "bytes=5-", "accept-encoding": "identity" });
  });

  it("is followed as it was written, byte for byte, as signatures are over it", async () => {
    const target = "/a//b/%2e%2e/c'd;e=1/$x!(f)*~[0]?sig=a%2Bb+c%3d&q='&r?";
    const storage = await server(ok);
    const registry = await server(to(storage.origin + target));
    const { client } = clientFor([registry.address, storage.address]);
    await client.send(ask(registry.registry));
    expect(storage.seen).toEqual([`GET ${target}`]);
  });

  it.each([
    ["/caf\xc3\xa9?n=\xc3\xbc", "/caf%C3%A9?n=%C3%BC"],
    ["/b?", "/b?"],
  ])("to %j is asked for as container engines ask: %s", async (written, asked) => {
    const registry = await server((request, response) =>
      request.url === asked ? response.end("ok") : to(written)(request, response),
    );
    const { client } = clientFor([registry.address]);
    expect((await client.send(ask(registry.registry))).status).toBe(200);
  });

  it("is not asked for again by who knows where it led", async () => {
    const cdn = await server(ok);
    const registry = await server(to(`${cdn.origin}/b?sig=x`));
    const { client } = clientFor([registry.address, cdn.address]);
    const { storage, body } = await client.send(ask(registry.registry));
    await readAll(body);
    expect(storage).toMatchObject({ address: cdn.address, target: "/b?sig=x" });
    const again = await client.send(ask(registry.registry, { storage }));
    expect(String(await readAll(again.body))).toBe("ok");
    expect([registry.seen.length, cdn.seen.length]).toEqual([1, 2]);
    expect(cdn.headers[1]?.authorization).toBeUndefined();
  });

  it("is led by a stranger on the way there, as often as it is asked", async () => {
    const storage = await server(ok);
    const stranger = await server(to(`${storage.origin}/b`));
    const registry = await server(to(`${stranger.origin}/a`));
    const all = [registry.address, stranger.address, storage.address];
    const isNamed = ({ port }: HostPort) => port === registry.address.port;
    const { client } = clientFor(all, { isNamed });
    const answer = await client.send(ask(registry.registry));
    await readAll(answer.body);
    expect(answer.storage).toMatchObject({ ledBy: stranger.registry.name });
    const inside = { scheme: "http", address: { host: "10.255.255.1", port: 80 } } as const;
    const ledBy = registryNameOf({ host: "stranger.example", port: 443 });
    const moved = { ...inside, target: "/b", ledBy };
    expect(await rejection(client.send(ask(registry.registry, { storage: moved })))).toMatchObject({
      code: "FORBIDDEN",
    });
  });

  it.each([401, 403, 404])("is asked for again where its target now says %i", async (status) => {
    const cdn = await server((request, response) => {
      if (request.url === "/old") response.writeHead(status).end();
      else ok(request, response);
    });
    const registry = await server(to(`${cdn.origin}/new`));
    const { client } = clientFor([registry.address, cdn.address]);
    const storage = { scheme: "http", address: cdn.address, target: "/old" } as const;
    const answer = await client.send(ask(registry.registry, { storage }));
    expect(String(await readAll(answer.body))).toBe("ok");
    expect(answer.storage).toMatchObject({ target: "/new" });
    expect(cdn.seen).toEqual(["GET /old", "GET /new"]);
  });

  it("is followed with HEAD when HEAD was asked", async () => {
    const cdn = await server(ok);
    const registry = await server(to(`${cdn.origin}/b`, 303));
    const { client } = clientFor([registry.address, cdn.address]);
    await client.send(ask(registry.registry, { method: "HEAD" }));
    expect(cdn.seen).toEqual(["HEAD /b"]);
  });

  it("within the same origin keeps the Authorization, as Google's relative ones need", async () => {
    const registry = await server((request, response) => {
      const isBlob = request.url?.includes("/blobs/") ?? false;
      (isBlob ? to("/artifacts-downloads/x?token=y") : ok)(request, response);
    });
    const { client } = clientFor([registry.address]);
    await client.send(ask(registry.registry));
    expect(registry.seen[1]).toBe("GET /artifacts-downloads/x?token=y Bearer anonymous");
  });

  const another =
    "/v2/b/blobs/sha256:1111111111111111111111111111111111111111111111111111111111111111";

  it.each([
    [`${another}?x=1`, "Basic CANARY"],
    ["/v2/b/blobs/uploads/u1?x=1", undefined],
    ["/v2/b/manifests/1", undefined],
    ["/v2/b/tags/list", undefined],
    ["/v2/_catalog", undefined],
    ["/v2/admin", undefined],
    ["/v2/", undefined],
    ["/~bob/v2/b", undefined],
  ])("to %s of the same host takes of the operator's password: %s", async (place, taken) => {
    const registry = await server((request, response) =>
      (request.url === place ? ok : to(place))(request, response),
    );
    const authorizer = authorizing({ authorize: async () => "Basic CANARY" });
    const { client } = clientFor([registry.address], { authorizer });
    await client.send(ask(registry.registry, { access: { kind: "shared" } }));
    expect(registry.headers.map(({ authorization }) => authorization)).toEqual([
      "Basic CANARY",
      taken,
    ]);
  });

  it("that leads away and back does not get the Authorization again", async () => {
    const registry = await server((request, response) => {
      (request.url === "/back" ? ok : to(`${cdn.origin}/there`))(request, response);
    });
    const cdn = await server((_request, response) => {
      response.writeHead(302, { location: `${registry.origin}/back` }).end();
    });
    const { client } = clientFor([registry.address, cdn.address]);
    await client.send(ask(registry.registry));
    expect(registry.seen[1]).toBe("GET /back");
  });

  it("is followed five times and no more", async () => {
    const registry = await server((request, response) => {
      const hop = Number(request.url?.split("/hop")[1] ?? 0);
      to(`/hop${hop + 1}`)(request, response);
    });
    const { client } = clientFor([registry.address]);
    expect(await rejection(client.send(ask(registry.registry)))).toMatchObject({
      code: "REDIRECT",
      message: expect.stringContaining("more than 5 times"),
    });
    expect(registry.seen).toHaveLength(6);
  });

  it("to where nothing may be dialled is FORBIDDEN", async () => {
    const cdn = await server(ok);
    const registry = await server(to(`http://169.254.169.254/latest`));
    const elsewhere = await server(to(cdn.origin));
    const { client } = clientFor([registry.address, elsewhere.address]);
    expect(await rejection(client.send(ask(registry.registry)))).toMatchObject({
      code: "FORBIDDEN",
    });
    expect(await rejection(client.send(ask(elsewhere.registry)))).toMatchObject({
      code: "FORBIDDEN",
    });
    expect(cdn.seen).toEqual([]);
  });

  it("from https to http is refused", async () => {
    const authority = makeAuthority();
    const cdn = await server(ok);
    const address = await listening(
      createTlsServer(authority.issue(["127.0.0.1"]), (request, response) => {
        to(cdn.origin)(request, response);
      }),
    );
    const { client } = clientFor([address, cdn.address], { authorities: [authority.ca] });
    const registry: Registry = { name: registryNameOf(address), scheme: "https" };
    expect(await rejection(client.send(ask(registry)))).toMatchObject({ code: "REDIRECT" });
    expect(cdn.seen).toEqual([]);
  });

  it("whose target wants a login gets none, and its challenge goes no further", async () => {
    const cdn = await server((_request, response) => {
      response.writeHead(401, {
        "www-authenticate": 'Bearer realm="https://evil.example/token"',
        "set-cookie": "a=b",
      });
      response.end();
    });
    const registry = await server(to(`${cdn.origin}/b`));
    const authorizer = authorizing();
    const { client } = clientFor([registry.address, cdn.address], { authorizer });
    const answer = await client.send(ask(registry.registry, { access: { kind: "shared" } }));
    expect(answer.status).toBe(401);
    expect(answer.headers.has("www-authenticate")).toBe(false);
    expect(answer.headers.has("set-cookie")).toBe(false);
    expect(cdn.seen).toEqual(["GET /b"]);
    expect(authorizer.asked).toHaveLength(1);
  });

  it("is the answer where redirects are passed on, and for a push", async () => {
    const registry = await server(to("https://ghcr.io/v2/"));
    const { client } = clientFor([registry.address]);
    const passed = await client.send(ask(registry.registry, { target: "/v2/", redirects: "pass" }));
    expect(passed.status).toBe(307);
    expect(headerValue(passed.headers, "location")).toBe("https://ghcr.io/v2/");
    const pushed = await client.send(ask(registry.registry, { method: "POST" }));
    expect(pushed.status).toBe(307);
  });
});

describe("a manifest's redirect", () => {
  const target = "/v2/pause/manifests/3.9";

  async function pair(options: { readonly there?: Handler; readonly location?: string } = {}) {
    const there = await server(options.there ?? ok);
    const location = options.location ?? `${there.origin}/v2/k8s/pause/manifests/3.9`;
    const here = await server(to(location));
    const hasCredential = (registry: Registry) => registry.name === there.registry.name;
    const authorizer = authorizing({ hasCredential });
    const { client } = clientFor([here.address, there.address], { authorizer });
    const send = (access: Access, headers: HeaderList = headerList({})) =>
      client.send(ask(here.registry, { target, access, headers, redirects: "manifest" }));
    return { here, there, send, authorizer };
  }

  it("is followed to a registry of its own, with an Authorization of its own", async () => {
    const { there, send, authorizer } = await pair();
    const answer = await send({ kind: "anonymous" }, headerList({ accept: "a/b" }));
    expect(String(await readAll(answer.body))).toBe("ok");
    expect(authorizer.asked[1]).toBe(`${there.registry.name} anonymous repository:k8s/pause:pull`);
    expect(there.seen).toEqual(["GET /v2/k8s/pause/manifests/3.9 Bearer anonymous"]);
    expect(there.headers[0]?.accept).toBe("a/b");
  });

  it.each([
    [{ kind: "shared" }, " Bearer shared"],
    [{ kind: "anonymous" }, " Bearer anonymous"],
    [{ kind: "client", authorization: "Bearer CANARY" }, " Bearer anonymous"],
    [{ kind: "none" }, " Bearer anonymous"],
  ] as const)("asked as %j gets there as %j", async (access, sent) => {
    const { there, send } = await pair();
    await send(access);
    expect(there.seen).toEqual([`GET /v2/k8s/pause/manifests/3.9${sent}`]);
  });

  it.each([401, 403])("is the answer itself when the target refuses with %i", async (status) => {
    const { send, there } = await pair({
      there: (_request, response) => response.writeHead(status).end("no"),
    });
    const answer = await send({ kind: "anonymous" });
    expect(answer.status).toBe(307);
    expect(headerValue(answer.headers, "location")).toContain(there.origin);
    expect(String(await readAll(answer.body))).toBe("moved");
  });

  it("gives the target's 404", async () => {
    const { send } = await pair({ there: (_request, response) => response.writeHead(404).end() });
    expect((await send({ kind: "anonymous" })).status).toBe(404);
  });

  it("to anything but a manifest is the answer itself", async () => {
    const { send, there } = await pair({ location: "/login" });
    expect((await send({ kind: "anonymous" })).status).toBe(307);
    expect(there.seen).toEqual([]);
  });

  it("is followed three times and no more", async () => {
    const registry = await server((request, response) => {
      const hop = Number(request.url?.split("/manifests/")[1]);
      to(`/v2/a/manifests/${hop + 1}`)(request, response);
    });
    const { client } = clientFor([registry.address]);
    const wanted = ask(registry.registry, { target: "/v2/a/manifests/0", redirects: "manifest" });
    expect(await rejection(client.send(wanted))).toMatchObject({ code: "REDIRECT" });
    expect(registry.seen).toHaveLength(4);
  });
});

describe("time", () => {
  it("to the headers includes tokens, and ends as TIMEOUT", async () => {
    const registry = await server(ok);
    const authorizer = authorizing({
      authorize: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    const wait = { full: 60, brief: 30 };
    const { client } = clientFor([registry.address], { authorizer, wait });
    for (const patience of ["brief", "full"] as const) {
      const failed = client.send(ask(registry.registry, { patience }));
      expect(await rejection(failed)).toMatchObject({ code: "TIMEOUT" });
    }
    expect(registry.seen).toEqual([]);
  });

  it("lost to a registry that fell silent leaves a whole pull its two seconds", async () => {
    const address = await listening(createTcpServer());
    const { client } = clientFor([address]);
    const registry: Registry = registryAt(address, "http");
    const failed = client.send(ask(registry, { patience: "brief" }));
    expect(await rejection(failed)).toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("within 1.8 s"),
    });
  });

  it("no longer counts once the headers are there, but the caller's signal does", async () => {
    const stop = new AbortController();
    const registry = await server((_request, response) => {
      response.writeHead(200, { "content-length": 2 });
      response.write("x");
      setTimeout(() => response.write("y"), 1_500);
    });
    const { client } = clientFor([registry.address], { wait: { full: 1_000, brief: 1_000 } });
    const whole = await client.send(ask(registry.registry));
    expect(String(await readAll(whole.body))).toBe("xy");
    const cut = await client.send(ask(registry.registry, { signal: stop.signal }));
    const failed = rejection(readAll(cut.body));
    stop.abort();
    expect(await failed).toMatchObject({ code: "ABORTED" });
  });

  it("of the caller ends the wait as ABORTED", async () => {
    const address = await listening(createTcpServer());
    const { client } = clientFor([address]);
    const registry: Registry = registryAt(address, "http");
    const stop = new AbortController();
    const failed = client.send(ask(registry, { signal: stop.signal }));
    stop.abort();
    expect(await rejection(failed)).toMatchObject({ code: "ABORTED" });
  });
});

describe("memory", () => {
  it("of a host that is down spares whoever has something else to serve", async () => {
    let connections = 0;
    const address = await listening(createTcpServer(() => connections++));
    const wait = { full: 150, brief: 150 };
    const { client, events } = clientFor([address], { wait });
    const registry: Registry = registryAt(address, "http");
    const brief = () => rejection(client.send(ask(registry, { patience: "brief" })));
    expect(await brief()).toMatchObject({ code: "TIMEOUT" });
    expect(await brief()).toMatchObject({ code: "DOWN" });
    expect(connections).toBe(1);
    expect(events).toContainEqual({
      kind: "hostDown",
      host: formatHostPort(address),
      code: "TIMEOUT",
    });
    expect(await rejection(client.send(ask(registry)))).toMatchObject({ code: "TIMEOUT" });
  });

  it("counts a token service that is down", async () => {
    const registry = await server(ok);
    const authorizer = authorizing({
      authorize: () => Promise.reject(new UpstreamError("CONNECT", "auth.test", "down")),
    });
    const { client } = clientFor([registry.address], { authorizer });
    const brief = () => rejection(client.send(ask(registry.registry, { patience: "brief" })));
    expect(await brief()).toMatchObject({ code: "CONNECT" });
    expect(await brief()).toMatchObject({ code: "DOWN" });
  });

  it("passes a token service's 429 on as if the registry had said it", async () => {
    const registry = await server(ok);
    const headers = headerList({ "retry-after": "7" });
    const body = Buffer.from("slow down");
    const authorizer = authorizing({
      authorize: () => Promise.reject(new TokenLimited("auth.test", { headers, body })),
    });
    const { client, events } = clientFor([registry.address], { authorizer });
    const answer = await client.send(ask(registry.registry));
    expect(answer).toMatchObject({ status: 429, headers });
    expect(String(await readAll(answer.body))).toBe("slow down");
    expect(registry.seen).toEqual([]);
    expect(events.map(({ kind }) => kind)).not.toContain("hostDown");
  });

  it("does not count a redirect's target that is down", async () => {
    const cdn = createServer();
    const gone = await listening(cdn);
    await new Promise((resolve) => cdn.close(resolve));
    const registry = await server(to(`http://${gone.host}:${gone.port}/b`));
    const { client } = clientFor([registry.address, gone]);
    const brief = () => rejection(client.send(ask(registry.registry, { patience: "brief" })));
    expect(await brief()).toMatchObject({ code: "CONNECT" });
    expect(await brief()).toMatchObject({ code: "CONNECT" });
  });

  it("of a 429 is kept per credential", async () => {
    const registry = await server((_request, response) => {
      response.writeHead(429, { "retry-after": "60" }).end("slow down");
    });
    const { client, events } = clientFor([registry.address]);
    const send = async (access: Access) => {
      const answer = await client.send(ask(registry.registry, { access }));
      expect(answer.status).toBe(429);
      expect(String(await readAll(answer.body))).toBe("slow down");
    };
    for (let times = 0; times < 5; times++) {
      await send({ kind: "anonymous" });
      await send({ kind: "shared" });
      await send({ kind: "client", authorization: "Basic one" });
      await send({ kind: "client", authorization: "Basic two" });
    }
    expect(registry.seen).toHaveLength(4);
    expect(events.filter(({ kind }) => kind === "rateLimited")).toHaveLength(4);
  });

  it("of a 429 ends with the credential, and does not hold up another of the same registry", async () => {
    const registry = await server((request, response) => {
      response.writeHead(request.url?.includes("/limited/") ? 429 : 200, { "retry-after": "3600" });
      response.end();
    });
    let first = "first";
    const authorizer = authorizing({
      payer: (_, repository) => (repository?.startsWith("other") ? "other" : first),
    });
    const { client } = clientFor([registry.address], { authorizer });
    const send = async (repository: string): Promise<number> => {
      const target = `/v2/${repository}/manifests/1`;
      const answer = await client.send(
        ask(registry.registry, { target, access: { kind: "shared" } }),
      );
      answer.body.destroy();
      return answer.status;
    };
    expect(await send("team/limited/app")).toBe(429);
    expect(await send("team/app")).toBe(429);
    expect(await send("other/app")).toBe(200);
    first = "changed";
    expect(await send("team/app")).toBe(200);
  });

  it("of a storage host's 429 is that of the registry that sent us there", async () => {
    const cdn = await server((request, response) => {
      const status = request.url?.startsWith("/evil") ? 429 : 200;
      response.writeHead(status, { "retry-after": "3600" }).end("body");
    });
    const evil = await server(to(`${cdn.origin}/evil`));
    const good = await server(to(`${cdn.origin}/good`));
    const { client } = clientFor([cdn.address, evil.address, good.address]);
    expect((await client.send(ask(evil.registry))).status).toBe(429);
    expect((await client.send(ask(good.registry))).status).toBe(200);
    expect((await client.send(ask(evil.registry))).status).toBe(429);
    expect(cdn.seen).toEqual(["GET /evil", "GET /good"]);
  });

  it("of a host that one odd request hung at does not spare anybody the question", async () => {
    const registry = await server((request, response) => {
      if (!request.url?.includes("/odd/")) response.end("ok");
    });
    const { client } = clientFor([registry.address], { wait: { full: 40, brief: 1_000 } });
    const odd = ask(registry.registry, { target: "/v2/odd/tags/list", redirects: "pass" });
    expect(await rejection(client.send(odd))).toMatchObject({ code: "TIMEOUT" });
    const answer = await client.send(ask(registry.registry, { patience: "brief" }));
    expect(answer.status).toBe(200);
  });

  it("of a 429 does not hold a push back", async () => {
    const registry = await server((request, response) => {
      response.writeHead(request.method === "POST" ? 202 : 429).end();
    });
    const { client } = clientFor([registry.address]);
    await client.send(ask(registry.registry));
    const pushed = await client.send(ask(registry.registry, { method: "POST", redirects: "pass" }));
    expect(pushed.status).toBe(202);
  });
});

describe("connections", () => {
  it("are kept over 401s and redirects", async () => {
    const ports = new Set<number | undefined>();
    const registry = await server((request, response) => {
      ports.add(request.socket.remotePort);
      if (request.url === "/b") response.end("ok");
      else if (request.headers.authorization?.endsWith("again")) to("/b")(request, response);
      else response.writeHead(401).end("no");
    });
    const { client } = clientFor([registry.address]);
    for (let times = 0; times < 5; times++) {
      const answer = await client.send(ask(registry.registry));
      await readAll(answer.body);
      await eventually(() => answer.body.closed);
    }
    expect(registry.seen).toHaveLength(15);
    expect(ports.size).toBeLessThanOrEqual(3);
  });
});

describe("answers that a stranger's registry sends and never ends", () => {
  it("take as much memory as all may, from the client for whom they take most, and nobody else's", async () => {
    const stalled = Buffer.alloc(1024 * 1024, " ");
    const { registry, address } = await server((_request, response) => {
      response.writeHead(200).write(stalled);
    });
    const { client } = clientFor([address], { keptBytes: 4.5 * stalled.length });
    let othersTaken = 0;
    const lost: unknown[] = [];
    const take = async (from: "other" | "crowd"): Promise<void> => {
      const its = { access: { kind: "none", from }, redirects: "manifest" } as const;
      const response = await client.send(ask(registry, its));
      let length = 0;
      try {
        for await (const piece of response.body) {
          length += piece.length;
          response.body.keeps?.(length);
          if (from === "other") othersTaken = length;
        }
      } catch (error) {
        lost.push(from, error);
      }
    };
    const other = take("other");
    await eventually(() => expect(othersTaken).toBe(stalled.length));
    const crowd = Array.from({ length: 8 }, () => take("crowd"));
    await eventually(() => expect(lost.length / 2).toBe(5));
    expect(lost.filter((one) => typeof one === "string")).toEqual(Array(5).fill("crowd"));
    expect(lost[1]).toMatchObject({ code: "BUSY", host: registry.name });
    void [other, ...crowd];
  });
});
