/**
 * Registries that answer a login with a session (Harbor, Artifactory, Nexus): the operator's is as good as
 * his password. And storage that tells more of itself than anybody asked.
 */
import type { ServerResponse } from "node:http";
import { beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { type Answer, direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { manifestType } from "./support/image.ts";
import { basic } from "./support/login.ts";
import { type Program, Scene } from "./support/program.ts";

const layer = Buffer.from("a layer ".repeat(20_000));
const digest = digestOf(layer);
const cold = digestOf(Buffer.from("another"));

let registry: EvilServer;
let storage: EvilServer;
let program: Program;
/** What it answers who is in, where it has nothing better to say. */
let status: number;

beforeEach(async () => {
  status = 404;
  const scene = await Scene.open();
  storage = await evilServer(scene, "storage.test");
  storage.answer = ({ method }, response) => {
    response.setHeader("x-ms-copy-source", "https://storage.test/CANARY-private/app");
    response.setHeader("set-cookie", "stickiness=CANARY-storage");
    give(response, method);
  };
  registry = await evilServer(scene, "harbor.test");
  registry.answer = ({ headers, url = "", method }, response) => {
    if (headers.authorization === undefined) {
      return void response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();
    }
    response.setHeader("set-cookie", `sid=CANARY-session; path=/`);
    if (url === "/v2/") return void response.end("{}");
    if (url.includes(digest)) return give(response, method);
    if (!url.includes(cold)) return void response.writeHead(status).end();
    const location = `https://${storage.name}/blob`;
    response.writeHead(307, { location }).end();
  };
  program = await scene.start({
    AUTH_REGISTRIES: `${registry.name}:robot:CANARY-robot`,
    REGISTRIES: storage.name,
  });
});

function give(response: ServerResponse, method: string | undefined): void {
  response.writeHead(200, { "content-length": layer.length });
  response.end(method === "HEAD" ? undefined : layer);
}

/** Every way to an answer of the upstream's own. */
async function askEverything(headers: Record<string, string> = {}): Promise<readonly Answer[]> {
  const told: Answer[] = [];
  const ask = async (method: string, path: string, more: Record<string, string> = {}) => {
    const asked = { method, headers: { ...headers, ...more } };
    told.push(await viaProxy(program, registry.name, path, asked));
    if (path !== "/v2/") {
      told.push(await direct(program, path.replace("/v2/", `/v2/${registry.name}/`), asked));
    }
  };
  for (const method of ["GET", "HEAD"]) {
    await ask(method, "/v2/");
    await ask(method, "/v2/team/app/manifests/1", { accept: manifestType });
    await ask(method, "/v2/team/app/tags/list");
    await ask(method, `/v2/team/app/referrers/${digest}`);
    await ask("HEAD", `/v2/team/app/blobs/${digest}`);
    await ask("HEAD", `/v2/team/app/blobs/${cold}`);
    await ask(method, "/v2/_catalog");
  }
  return told;
}

const leaks = (told: readonly Answer[]) =>
  told.filter((answer) => JSON.stringify(answer.headers).includes("CANARY"));

describe("a session that was opened with the operator's login", () => {
  it.each([404, 403, 429, 500])("is given to no client (%i)", async (code) => {
    status = code;
    const told = await askEverything();
    expect(registry.heard.some((one) => /authorization\nBasic/i.test(one))).toBe(true);
    expect(told.length).toBeGreaterThan(20);
    expect(leaks(told)).toEqual([]);
  });
});

it("what storage says of itself is told to nobody, what it says of the bytes is", async () => {
  const answer = await viaProxy(program, registry.name, `/v2/team/app/blobs/${cold}`, {
    method: "HEAD",
  });
  expect(storage.heard).toHaveLength(1);
  expect([answer.status, answer.headers["content-length"]]).toEqual([200, `${layer.length}`]);
  expect(leaks([answer])).toEqual([]);
});

describe("a session that was opened with a client's own login", () => {
  it("is given to nobody else", async () => {
    await askEverything({ authorization: basic(["alice", "CANARY-alice"]) });
    expect(leaks(await askEverything())).toEqual([]);
  });
});
