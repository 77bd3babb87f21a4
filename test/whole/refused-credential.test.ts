/** The operator's login at a registry that speaks Basic stops working: our fault, not the images'. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { eventually } from "../support/eventually.ts";
import { type Answer, direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { manifestType } from "./support/image.ts";
import { basic, logIn } from "./support/login.ts";
import { type Program, Scene } from "./support/program.ts";

const layer = Buffer.from("CANARY-layer ".repeat(20_000));
const manifest = Buffer.from(
  JSON.stringify({
    ...{ schemaVersion: 2, mediaType: manifestType },
    config: { mediaType: "x/y", digest: digestOf(layer), size: layer.length },
    layers: [{ mediaType: "x/y", digest: digestOf(layer), size: layer.length }],
  }),
);
const robot = basic(["robot", "CANARY-robot"]);

let scene: Scene;
let program: Program;
let registry: EvilServer;
/** What the registry takes for a login. */
let good: string;
/** What it says to who may not have a private image. */
let refusal: number;

beforeEach(async () => {
  good = robot;
  refusal = 401;
  scene = await Scene.open();
  registry = await evilServer(scene, "registry.test");
  registry.answer = serve;
  program = await scene.start({ AUTH_REGISTRIES: `${registry.name}:robot:CANARY-robot` });
});

/** `open/…` is everybody's, `locked/…` nobody's, and the rest is for who logs in. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  const { url = "", method, headers } = request;
  const [, repository] = /^\/v2\/(\w+)\//.exec(url) ?? [];
  const status = statusFor(repository, headers.authorization);
  if (status !== 200 || repository === undefined) {
    const challenge = status === 401 ? { "www-authenticate": "Basic realm=x" } : {};
    return void response.writeHead(status, challenge).end();
  }
  const bytes = url.includes("/blobs/") ? layer : manifest;
  const type = bytes === manifest ? manifestType : "application/octet-stream";
  const fields = { "content-type": type, "docker-content-digest": digestOf(bytes) };
  response.writeHead(200, { ...fields, "content-length": bytes.length });
  response.end(method === "HEAD" ? undefined : bytes);
}

function statusFor(repository: string | undefined, authorization: string | undefined): number {
  if (authorization !== undefined && authorization !== good) return 401;
  const isIn = authorization === good;
  if (repository === "locked") return isIn ? 403 : 401;
  if (isIn || repository === "open") return 200;
  return repository === undefined ? 401 : refusal;
}

/** The token, manifest by tag, layer, as an engine without any login asks. */
async function pull(repository: string): Promise<readonly Answer[]> {
  const { authorization = "", heard } = await logIn(program, registry.name, repository);
  const headers = { accept: manifestType, authorization };
  const paths = [`${repository}/manifests/1`, `${repository}/blobs/${digestOf(layer)}`];
  const answers = heard.slice(-1);
  for (const path of paths) {
    answers.push(await viaProxy(program, registry.name, `/v2/${path}`, { headers }));
  }
  return answers;
}

const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status);
const health = async () => (await direct(program, "/readyz")).body.toString();

async function warm(): Promise<void> {
  expect(statuses(await pull("corp/app"))).toEqual([200, 200, 200]);
  await eventually(() => program.lines.some((line) => line.includes("kept a blob")));
  // Tags, proofs and pings are old by then.
  scene.aheadMs += 2 * 3_600_000;
}

describe("when the operator's login is refused", () => {
  it.each([401, 403, 404])("what is kept is served to the first who asks (%i)", async (status) => {
    await warm();
    good = basic(["robot", "CANARY-changed"]);
    refusal = status;
    for (const answers of [await pull("corp/app"), await pull("corp/app")]) {
      expect(statuses(answers)).toEqual([200, 200, 200]);
      expect(answers[1]?.headers["cache-status"]).toContain("fwd=stale");
      expect(answers[1]?.headers.warning).toContain("cannot be asked");
      expect(answers[2]?.headers["cache-status"]).toContain("hit");
    }
    const isTold = (line: string) => line.includes("login was refused");
    await eventually(() => expect(program.lines.filter(isTold)).toHaveLength(1));
    expect(await health()).toContain(registry.name);
  });

  it("what is everybody's is pulled without it, by the first who asks", async () => {
    await warm();
    good = basic(["robot", "CANARY-changed"]);
    expect(statuses(await pull("open/app"))).toEqual([200, 200, 200]);
    expect(statuses(await pull("corp/never-seen"))).toEqual([200, 401, 401]);
  });

  it("it is tried again after a minute, and works once it is right", async () => {
    await warm();
    good = basic(["robot", "CANARY-changed"]);
    await pull("corp/app");
    good = robot;
    scene.aheadMs += 61_000;
    expect(statuses(await pull("corp/other"))).toEqual([200, 200, 200]);
    expect(await health()).not.toContain(registry.name);
  });
});

describe("a refusal for one repository", () => {
  it("does not put the login out of use for the others", async () => {
    await warm();
    expect(statuses(await pull("locked/app"))).toEqual([200, 403, 403]);
    registry.heard.length = 0;
    expect(statuses(await pull("corp/other"))).toEqual([200, 200, 200]);
    expect(program.lines.some((line) => line.includes("login was refused"))).toBe(false);
  });
});
