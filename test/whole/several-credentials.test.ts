/** Several logins for one registry, each for repositories of its own. */

import { writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { manifestType } from "./support/image.ts";
import { basic } from "./support/login.ts";
import { type Program, Scene } from "./support/program.ts";

let scene: Scene;
let registry: EvilServer;
let program: Program;
/** Who is let in; `TEAM/…` is for the robot of that team. */
let good: Map<string, string>;
/** Robots that have used up what they may. */
let limited: Set<string>;

const manifest = (repository: string) =>
  Buffer.from(
    JSON.stringify({
      ...{ schemaVersion: 2, mediaType: manifestType, annotations: { repository } },
      config: { mediaType: "x/y", digest: digestOf(Buffer.from("{}")), size: 2 },
      layers: [],
    }),
  );

function robotOf({ authorization = "" }: IncomingMessage["headers"]): string | undefined {
  return ["red", "blue"].find((robot) => authorization === good.get(robot));
}

function serve({ url = "", headers, method }: IncomingMessage, response: ServerResponse): void {
  const [, team, repository = ""] = /^\/v2\/((\w+)\/\w+)\/manifests/.exec(url) ?? [];
  const robot = robotOf(headers);
  if (robot !== undefined && limited.has(robot)) {
    return void response.writeHead(429, { "retry-after": "600" }).end();
  }
  if (robot === undefined || (team !== undefined && repository !== robot)) {
    return void response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();
  }
  const bytes = manifest(team ?? "");
  const fields = { "content-type": manifestType, "docker-content-digest": digestOf(bytes) };
  response.writeHead(200, { ...fields, "content-length": bytes.length });
  response.end(method === "HEAD" ? undefined : bytes);
}

beforeEach(async () => {
  scene = await Scene.open();
  registry = await evilServer(scene, "registry.test");
  registry.answer = serve;
  good = new Map(["red", "blue"].map((robot) => [robot, basic([robot, `CANARY-${robot}`])]));
  limited = new Set();
  const path = join(scene.folder, "entrepot.yaml");
  const logins = ["red", "blue"].map(
    (robot) =>
      `  - {host: "${registry.name}", user: ${robot}, password: CANARY-${robot}, repositories: ["${robot}/**"]}\n`,
  );
  await writeFile(path, `auth_registries:\n${logins.join("")}`);
  program = await scene.start({ CONFIG_FILE: path });
});

async function pull(repository: string): Promise<number> {
  const headers = { accept: manifestType };
  const path = `/v2/${repository}/manifests/1`;
  return (await viaProxy(program, registry.name, path, { headers })).status;
}

const sent = () =>
  registry.heard
    .filter((one) => /^(GET|HEAD) \/v2\/\w+\//.test(one))
    .map((one) => Buffer.from(/Basic (\S+)/.exec(one)?.[1] ?? "", "base64").toString())
    .filter((login) => login !== "");

describe("two logins for one registry", () => {
  it("each open their own repositories, and are sent for no other", async () => {
    expect(await pull("red/app")).toBe(200);
    expect(new Set(sent())).toEqual(new Set(["red:CANARY-red"]));
    registry.heard.length = 0;
    expect(await pull("blue/app")).toBe(200);
    expect(new Set(sent())).toEqual(new Set(["blue:CANARY-blue"]));
    registry.heard.length = 0;
    expect(await pull("green/app")).toBe(401);
    expect(sent()).toEqual([]);
  });

  it("do not go down together: one is refused, the other works on", async () => {
    expect([await pull("red/app"), await pull("blue/app")]).toEqual([200, 200]);
    good.set("red", "Basic changed");
    scene.aheadMs += 60_000;
    expect(await pull("red/other")).toBe(401);
    expect(await pull("blue/other")).toBe(200);
    const { body } = await direct(program, "/readyz");
    expect(body.toString()).toContain(registry.name);
    // What it opened before is served on.
    expect(await pull("red/app")).toBe(200);
  });

  it("have a budget each: the 429 of one is not the other's", async () => {
    expect([await pull("red/app"), await pull("blue/app")]).toEqual([200, 200]);
    limited.add("red");
    expect(await pull("red/other")).toBe(429);
    expect(await pull("blue/other")).toBe(200);
    limited.clear();
    expect(await pull("red/other")).toBe(429);
  });
});
