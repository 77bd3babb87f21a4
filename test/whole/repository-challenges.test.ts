/** A registry that lets every ping in, and whose repositories want logins each in their own way. */
import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { beforeEach, describe, expect, it } from "vitest";
import { challengeOf, parseChallenges } from "../../src/protocol/http/challenge.ts";
import { eventually } from "../support/eventually.ts";
import { type Answer, type Asked, direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { manifestType } from "./support/image.ts";
import { basic, type Login, logIn } from "./support/login.ts";
import { type Program, Scene } from "./support/program.ts";

const manifest = Buffer.from(
  JSON.stringify({
    ...{ schemaVersion: 2, mediaType: manifestType, layers: [] },
    config: { mediaType: "x/y", size: 2, digest: `sha256:${"a".repeat(64)}` },
  }),
);
const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
const headers = { accept: manifestType };
const robot: Login = ["robot", "CANARY-robot"];
const carol: Login = ["carol", "CANARY-carol"];
const users = [robot, carol];

/** Each repository is named for how it wants logins; the tokens of one service are no good at another. */
const services: Readonly<Record<string, string>> = { bearer: "one", other: "two", both: "one" };

let scene: Scene;
let gate: EvilServer;
let tokens: Map<string, string>;
/** Where the token services are. */
let realms: string;
/** Nobody gets a token without a login. */
let isForMembers: boolean;

beforeEach(async () => {
  scene = await Scene.open();
  gate = await evilServer(scene, "open.test");
  [tokens, realms, isForMembers] = [new Map(), gate.name, true];
  gate.answer = answer;
  return () => gate.close();
});

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { method, url = "" } = request;
  request.resume();
  const [, kind = ""] = /^[/]v2[/]([a-z]+)[/]/.exec(url) ?? [];
  if (url.startsWith("/token/")) giveToken(request, response);
  else if (url === "/v2/") response.writeHead(200).end("{}");
  else if (!isLetIn(kind, request)) {
    const action = method === "GET" || method === "HEAD" ? "pull" : "pull,push";
    const lines = challengesOf(kind, `repository:${kind}/app:${action}`);
    response.writeHead(401, { "www-authenticate": lines }).end("{}");
  } else if (method === "POST") {
    response.writeHead(202, { location: `/v2/${kind}/app/blobs/uploads/1` }).end();
  } else if (method === "PATCH") response.writeHead(202, { location: url }).end();
  else {
    const said = { "content-type": manifestType, "docker-content-digest": digest };
    response.writeHead(200, { ...said, "content-length": manifest.length });
    response.end(method === "HEAD" ? undefined : manifest);
  }
}

function challengesOf(kind: string, scope: string): string[] {
  const service = services[kind];
  const realm = `https://${realms}/token/${service}`;
  const bearer = `Bearer realm="${realm}",service="${service}",scope="${scope}"`;
  if (kind === "basic") return ['Basic realm="open"'];
  return kind === "both" ? ['Basic realm="open"', bearer] : [bearer];
}

function giveToken({ url = "", headers: fields }: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(url, "https://open.test");
  const who = users.find((login) => basic(login) === fields.authorization)?.[0];
  const isRefused = who === undefined && (isForMembers || fields.authorization !== undefined);
  if (isRefused) return void response.writeHead(401).end("{}");
  const token = randomUUID();
  tokens.set(token, `${pathname.split("/").at(-1)} ${searchParams.getAll("scope").join(" ")}`);
  response.writeHead(200).end(JSON.stringify({ token, expires_in: 300 }));
}

function isLetIn(
  kind: string,
  { method, headers: { authorization = "" } }: IncomingMessage,
): boolean {
  if (kind === "open") return authorization === "";
  const isUser = users.some((login) => basic(login) === authorization);
  if (kind === "basic" || (kind === "both" && isUser)) return isUser;
  const [service, scope] = (tokens.get(authorization.replace("Bearer ", "")) ?? "").split(" ");
  const isRead = method === "GET" || method === "HEAD";
  return service === services[kind] && scope?.includes(isRead ? "pull" : "push") === true;
}

const path = (kind: string) => `/v2/${kind}/app/manifests/1`;
const lent = () => ({ AUTH_REGISTRIES: [gate.name, ...robot].join(":"), REGISTRIES: gate.name });

async function mirrored(program: Program, kind: string): Promise<number> {
  return (await direct(program, path(kind).replace("/v2/", `/v2/${gate.name}/`), { headers }))
    .status;
}

/** As containerd and buildkit, which never ping: what refuses them says where to log in. */
async function asked(program: Program, kind: string, login?: Login): Promise<Answer> {
  const first = await viaProxy(program, gate.name, path(kind), { headers });
  if (first.status !== 401) return first;
  const lines = [first.headers["www-authenticate"] ?? ""].flat();
  const bearer = challengeOf(parseChallenges(lines), "bearer");
  const own = login && basic(login);
  if (bearer === undefined) return login ? await read(program, kind, own) : first;
  const realm = new URL(bearer.parameters.get("realm") ?? "");
  for (const name of ["service", "scope"])
    realm.searchParams.set(name, bearer.parameters.get(name) ?? "");
  const fields = own === undefined ? {} : { headers: { authorization: own } };
  const got = await viaProxy(program, realm.host, `${realm.pathname}${realm.search}`, fields);
  if (got.status !== 200) return got;
  const { token } = JSON.parse(got.body.toString()) as { token: string };
  return await read(program, kind, `Bearer ${token}`);
}

function read(program: Program, kind: string, authorization = ""): Promise<Answer> {
  return viaProxy(program, gate.name, path(kind), { headers: { ...headers, authorization } });
}

it.each(["basic", "bearer"])(
  "a pull of what wants %s keeps nobody without a login from what is public",
  async (kind) => {
    const program = await scene.start({ REGISTRIES: gate.name });
    expect((await read(program, kind)).status).toBe(401);
    expect(await mirrored(program, kind)).toBe(404);
    for (const _ of [1, 2]) {
      // Engines learn from the ping alone whether they are to log in.
      expect((await viaProxy(program, gate.name, "/v2/")).status).toBe(200);
      expect((await read(program, "open")).status).toBe(200);
      expect(await mirrored(program, "open")).toBe(200);
      scene.aheadMs += 11 * 60_000;
    }
  },
);

describe.each(["basic", "bearer", "other", "both"])("a repository that wants %s", (kind) => {
  it("is opened by an entry: at a mirror's first ask, after a ping, and at once ever after", async () => {
    const program = await scene.start(lent());
    expect(await mirrored(program, kind)).toBe(200);
    const ping = await viaProxy(program, gate.name, "/v2/");
    expect(ping.headers["www-authenticate"]).toContain("/entrepot/token");
    const { authorization } = await logIn(program, gate.name, `${kind}/app`);
    expect((await read(program, kind, authorization)).status).toBe(200);
    scene.aheadMs += 11_000;
    gate.heard.length = 0;
    expect(await mirrored(program, kind)).toBe(200);
    await eventually(() => expect(gate.heard.length).toBeGreaterThan(0));
    // It knows by now what this repository wants.
    expect(gate.heard[0]).toContain("authorization");
  });

  it("is no harder to open for having been asked beside the others", async () => {
    const program = await scene.start(lent());
    for (const each of ["basic", "bearer", "other", "both", "open", kind]) {
      expect(await mirrored(program, each), each).toBe(200);
    }
  });

  it("is opened by a client's own login, as that is asked for there, and by none that is wrong", async () => {
    const program = await scene.start({ REGISTRIES: gate.name });
    const mistyped: Login = ["carol", "CANARY-mistyped"];
    expect((await asked(program, kind)).status).toBe(401);
    expect((await asked(program, kind, mistyped)).status).toBe(401);
    expect((await asked(program, kind, carol)).status).toBe(200);
  });

  it("is pushed to with a login that was given when it was asked for", async () => {
    const program = await scene.start(lent());
    const { authorization = "" } = await logIn(program, gate.name, `${kind}/app`, carol);
    const send = (target: string, more: Asked = {}) =>
      viaProxy(program, gate.name, target, { ...more, headers: { authorization } });
    const begun = await send(`/v2/${kind}/app/blobs/uploads/`, { method: "POST" });
    expect(begun.status).toBe(202);
    const sent = await send(begun.headers.location ?? "", { method: "PATCH", body: "some bytes" });
    expect(sent.status).toBe(202);
    expect((await send(path(kind))).status).toBe(200);
    expect(gate.heard.join("\n")).not.toContain("ept1.");
  });
});

it("who was given a token without a login reads what is everybody's at each of its token services", async () => {
  isForMembers = false;
  const program = await scene.start({ REGISTRIES: gate.name });
  for (const kind of ["bearer", "other", "both", "bearer"]) {
    expect((await asked(program, kind)).status, kind).toBe(200);
    expect(await mirrored(program, kind), kind).toBe(200);
  }
});

it("a client's login goes to no token service but the registry's own", async () => {
  const stranger = await evilServer(scene, "stranger.test");
  stranger.answer = (_, response) => void response.writeHead(200).end('{"token":"CANARY-theirs"}');
  realms = stranger.name;
  const program = await scene.start(lent());
  const { authorization } = await logIn(program, gate.name, "bearer/app", carol);
  expect((await read(program, "bearer", authorization)).status).not.toBe(200);
  expect(stranger.heard.join("\n")).not.toContain("authorization");
  stranger.close();
});

it("a wrong login is refused where it is first used", async () => {
  const program = await scene.start(lent());
  const mistyped: Login = ["carol", "CANARY-mistyped"];
  const { authorization } = await logIn(program, gate.name, "bearer/app", mistyped);
  const begin = { method: "POST", headers: { authorization: authorization ?? "" } };
  const begun = await viaProxy(program, gate.name, "/v2/bearer/app/blobs/uploads/", begin);
  expect(begun.status).toBe(401);
});
