/**
 * Every kind of client, with every kind of login, at every kind of registry, by every way through the
 * proxy, reading, writing and deleting: what comes of it is what comes of it directly, but for the
 * cells that the documentation names.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { challengeOf, parseChallenges } from "../../src/protocol/http/challenge.ts";
import { type Answer, type Asked, ask, direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { manifestType } from "./support/image.ts";
import { basic, type Login } from "./support/login.ts";
import { type Program, Scene } from "./support/program.ts";

const robot: Login = ["robot", "CANARY-robot"];
const logins: Readonly<Record<string, Login | undefined>> = {
  nobody: undefined,
  carol: ["carol", "CANARY-carol"],
  mistyped: ["carol", "CANARY-mistyped"],
};

/** How a registry asks for logins; `open` lets every ping in, and asks where something is not public. */
const kinds = ["Basic", "Bearer", "open Basic", "open Bearer"] as const;
type Kind = (typeof kinds)[number];

/** Anybody reads what is public, the robot what is shared, and Carol everything, which she alone changes. */
const repositories = ["public", "shared", "hers"] as const;

/** How a client comes to send its login; dockerd, skopeo and crane go by the ping, containerd does not. */
const clients = ["pinging", "asked", "eager"] as const;
type Client = (typeof clients)[number];

const works: Readonly<Record<string, readonly [method: string, path: string, scope: string]>> = {
  reads: ["GET", "manifests/1", "pull"],
  pushes: ["POST", "blobs/uploads/", "pull,push"],
  deletes: ["DELETE", "manifests/1", "pull,delete"],
};

const manifest = Buffer.from(
  JSON.stringify({
    ...{ schemaVersion: 2, mediaType: manifestType, layers: [] },
    config: { mediaType: "a/b", digest: digestOf(Buffer.from("{}")), size: 2 },
  }),
);

let scene: Scene;
const registries = new Map<Kind, EvilServer>();
/** By the way there: one with the operator's logins, one without, and of each kind one that takes logins. */
const programs = new Map<string, Program>();

const registryOf = (kind: Kind) => registries.get(kind) as EvilServer;
const mirrorOf = (kind: Kind): string => `${kind.toLowerCase().replace(" ", "-")}.mirror.test`;

beforeAll(async () => {
  scene = await Scene.open();
  for (const kind of kinds) {
    const server = await evilServer(scene, `${kind.toLowerCase().replace(" ", "-")}.test`);
    const tokens = new Map<string, string>();
    server.answer = (request, response) => answer({ kind, server, tokens }, request, response);
    registries.set(kind, server);
  }
  const named = [...registries].map(([kind, { name }]) => [mirrorOf(kind), name] as const);
  const settings = {
    REGISTRIES: named.map(([, name]) => name).join(" "),
    MIRROR_HOSTS: named.map((pair) => pair.join("=")).join(" "),
  };
  const AUTH_REGISTRIES = named.map(([, name]) => [name, ...robot].join(":")).join(" ");
  for (const [lent, entries] of Object.entries({ "": {}, " with an entry": { AUTH_REGISTRIES } })) {
    const start = (name: string, more: Readonly<Record<string, string>> = {}) =>
      scene.start({ ...settings, ...entries, ...more, DATA_DIR: `${scene.folder}/${name}${lent}` });
    programs.set(lent, await start("usual"));
    for (const kind of kinds)
      programs.set(`${kind}${lent}`, await start(kind, { MIRROR_LOGIN: mirrorOf(kind) }));
  }
}, 60_000);

afterAll(async () => {
  await scene.close();
  for (const server of registries.values()) server.close();
});

type Place = {
  readonly kind: Kind;
  readonly server: EvilServer;
  readonly tokens: Map<string, string>;
};

function answer(place: Place, request: IncomingMessage, response: ServerResponse): void {
  const { kind, server } = place;
  const { method = "", url = "", headers } = request;
  const { pathname } = new URL(url, `https://${server.name}`);
  request.resume();
  const deny = (status: number): void => {
    response.writeHead(status, { "www-authenticate": challengeOfKind(place) }).end('{"errors":[]}');
  };
  const sent = headers.authorization;
  const who = pathname === "/token" ? "?" : senderOf(place, sent);
  const token = pathname === "/token" ? tokenOf(place, sent) : undefined;
  const isPing = pathname === "/v2/";
  if (token !== undefined) {
    response.writeHead(200, { "content-type": "application/json" }).end(token);
    return;
  }
  const [, repository = ""] = /^\/v2\/([^/]+)\//.exec(pathname) ?? [];
  if (who === "?" || (isPing && who === "nobody" && !kind.startsWith("open"))) deny(401);
  else if (isPing) response.writeHead(200).end("{}");
  else if (mayDo(who, method, repository)) give(method, repository, response);
  else deny(who === "nobody" ? 401 : 403);
}

function challengeOfKind({ kind, server }: Place): string {
  if (!kind.endsWith("Bearer")) return 'Basic realm="company"';
  return `Bearer realm="https://${server.name}/token",service="${kind}"`;
}

/** Undefined for a login that is wrong. */
function tokenOf({ tokens }: Place, sent: string | undefined): string | undefined {
  const login = sent === undefined ? undefined : loginOf(sent);
  if (sent !== undefined && login === undefined) return undefined;
  const token = randomUUID();
  tokens.set(token, login?.[0] ?? "nobody");
  return JSON.stringify({ token, expires_in: 300 });
}

/** A user, or "nobody", or "?". */
function senderOf({ kind, tokens }: Place, sent: string | undefined): string {
  if (sent === undefined) return "nobody";
  if (kind.endsWith("Bearer")) return tokens.get(sent.replace("Bearer ", "")) ?? "?";
  return loginOf(sent)?.[0] ?? "?";
}

function loginOf(authorization: string): Login | undefined {
  return [robot, logins.carol as Login].find((login) => basic(login) === authorization);
}

function mayDo(who: string, method: string, repository: string): boolean {
  if (who === "carol") return true;
  if (method !== "GET" && method !== "HEAD") return false;
  return repository === "public" || (who === "robot" && repository === "shared");
}

function give(method: string, repository: string, response: ServerResponse): void {
  const location = `/v2/${repository}/blobs/uploads/1`;
  const fields = { "content-type": manifestType, "docker-content-digest": digestOf(manifest) };
  if (method === "POST") response.writeHead(202, { location }).end();
  else if (method === "DELETE") response.writeHead(202).end();
  else {
    response.writeHead(200, { ...fields, "content-length": manifest.length });
    response.end(method === "HEAD" ? undefined : manifest);
  }
}

type Send = (path: string, asked: Asked) => Promise<Answer>;

const ways = [
  "directly",
  "proxy",
  "proxy with an entry",
  "mirror",
  "mirror with an entry",
] as const;
type Way = (typeof ways)[number] | "mirror login" | "mirror login with an entry";
const through: readonly Way[] = [...ways.slice(1), "mirror login", "mirror login with an entry"];

function sender(way: Way, kind: Kind): Send {
  const lent = way.endsWith("entry") ? " with an entry" : "";
  const program = programs.get(`${way.startsWith("mirror login") ? kind : ""}${lent}`) as Program;
  const { name, port } = registryOf(kind);
  if (way.startsWith("proxy")) return (path, asked) => viaProxy(program, name, path, asked);
  return (path, asked) => {
    const host = mirrorOf(kind);
    // Whom a mirror sends to the registry's token service goes there by itself.
    if (way === "directly" || path.startsWith("/token")) {
      return ask(connectTls({ port, rejectUnauthorized: false }), path, asked, name);
    }
    return way.startsWith("mirror login")
      ? direct(program, path, { ...asked, headers: { ...asked.headers, host } })
      : direct(program, path.replace("/v2/", `/v2/${name}/`), asked);
  };
}

type Cell = {
  readonly way: Way;
  readonly kind: Kind;
  readonly client: Client;
  readonly login: Login | undefined;
  readonly work: keyof typeof works;
  readonly repository: string;
};

/** What the client is told at the end of it. */
async function outcome(cell: Cell): Promise<number> {
  const { client, login } = cell;
  const own = login === undefined ? undefined : basic(login);
  if (client === "eager") return (await work(cell, own)).status;
  const isAsked = client === "asked";
  const first = isAsked ? await work(cell, undefined) : await pinged(cell);
  if (first.status !== 401) return isAsked ? first.status : (await work(cell, undefined)).status;
  const challenge = challengeIn(first);
  if (challenge === undefined) return own === undefined ? 401 : (await work(cell, own)).status;
  const got = await tokenFor(cell, challenge, own);
  if (got.status !== 200) return got.status;
  const { token } = JSON.parse(got.body.toString()) as { token: string };
  return (await work(cell, `Bearer ${token}`)).status;
}

function pinged({ way, kind }: Cell): Promise<Answer> {
  return sender(way, kind)("/v2/", {});
}

function work(cell: Cell, authorization: string | undefined): Promise<Answer> {
  const { way, kind, repository } = cell;
  const [method, part] = works[cell.work] ?? ["", ""];
  const headers = { accept: manifestType, ...(authorization && { authorization }) };
  const path = `/v2/${repository}/${part}`;
  return sender(way, kind)(path, { method, headers });
}

/** Undefined where Basic is spoken. */
function challengeIn({ headers }: Answer) {
  const line = headers["www-authenticate"];
  return challengeOf(parseChallenges(line === undefined ? [] : [line]), "bearer");
}

function tokenFor(
  { way, kind, repository, ...cell }: Cell,
  { parameters }: NonNullable<ReturnType<typeof challengeIn>>,
  own: string | undefined,
): Promise<Answer> {
  const realm = new URL(parameters.get("realm") ?? "");
  realm.searchParams.set("service", parameters.get("service") ?? "");
  realm.searchParams.set("scope", `repository:${repository}:${works[cell.work]?.[2]}`);
  const headers = own === undefined ? {} : { authorization: own };
  return sender(way, kind)(`${realm.pathname}${realm.search}`, { headers });
}

/** Explanations that were needed. */
const seen = new Set<string>();

const rows = clients.flatMap((client) =>
  Object.keys(logins).flatMap((who) =>
    Object.keys(works).flatMap((name) =>
      repositories.map((repository) => ({ client, who, work: name, repository })),
    ),
  ),
);

/**
 * Where it differs, and why, as docs/guides/logins.md has it: patterns of the cell, what comes of it
 * directly, and what comes of it here.
 */
const differences = `
  mirror( with an entry)?      | .*     | .*           | .*             | pushes,deletes | .*          | ...>403 | no writes
  mirror( with an entry)?      | .*     | .*           | .*             | reads          | public      | 401>200 | asks for no login
  mirror                       | .*     | .*           | .*             | reads          | shared,hers | ...>404 | asks for no login
  mirror with an entry         | .*     | .*           | .*             | reads          | hers        | ...>404 | asks for no login
  mirror with an entry         | .*     | .*           | .*             | reads          | shared      | 401>200 | the entry opens it
  (proxy|mirror login).*       | .*     | .*           | carol,mistyped | reads          | public      | 401>200 | public is public
  proxy with an entry          | .*     | .*           | nobody         | reads          | shared      | 401>200 | the entry opens it
  proxy with an entry          | Basic  | pinging      | nobody         | reads          | public      | 401>200 | the entry opens it
  proxy with an entry          | .*     | .*           | nobody         | reads          | hers        | 401>403 | it does not open that
  proxy with an entry          | .*     | asked,eager  | carol,mistyped | reads          | shared      | 401>200 | a refused login is as good as none
  proxy with an entry          | open.* | pinging      | carol          | .*             | .*          | 401>20. | a login is asked for, and counts
  proxy with an entry          | open.* | pinging      | mistyped       | reads          | public      | 200>401 | a login is asked for, and counts
`
  .trim()
  .split("\n")
  .map((line) => ({
    line,
    fields: line
      .trim()
      .split(/\s*[|]\s*(?![^(]*[)])/)
      .slice(0, 7),
  }));

const explains = (fields: readonly string[], cell: readonly string[]): boolean =>
  fields.every((field, index) =>
    new RegExp(`^(?:${field.replaceAll(",", "|")})$`).test(cell[index] ?? ""),
  );

describe.each(through)("by the %s", (way) => {
  it.each(kinds)("what differs from going to a registry of %s directly is known", async (kind) => {
    const unexplained: string[] = [];
    for (const { who, ...row } of rows) {
      const cell = { ...row, kind, login: logins[who] };
      const [usual, here] = [
        await outcome({ ...cell, way: "directly" }),
        await outcome({ ...cell, way }),
      ];
      if (usual === here) continue;
      const fields = [way, kind, row.client, who, row.work, row.repository, `${usual}>${here}`];
      const why = differences.filter((one) => explains(one.fields, fields));
      for (const { line } of why) seen.add(line);
      if (why.length === 0) unexplained.push(fields.join(" | "));
    }
    expect(unexplained).toEqual([]);
  });
});

it("and nothing is called a difference that is none", () => {
  expect(differences.filter(({ line }) => !seen.has(line))).toEqual([]);
});
