/** A registry's host also serves pages of strangers: none of them gets the operator's password. */
import { join } from "node:path";
import { beforeAll, beforeEach, expect, it } from "vitest";
import { direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer, secretsIn } from "./support/evil-server.ts";
import { type Program, Scene } from "./support/program.ts";

const digest = `sha256:${"a".repeat(64)}`;

let scene: Scene;
let host: EvilServer;
/** Where strangers say that their content is. */
let stranger: EvilServer;
let program: Program;
/** How the registry itself asks for a login. */
let challenge: string;
/** What `/v2/` of the registry answers to whoever has logged in. */
let leadsTo: string | undefined;

beforeAll(async () => {
  scene = await Scene.open();
  host = await evilServer(scene, "corp.test");
  stranger = await evilServer(scene, "stranger.test");
  return async () => {
    await scene.close();
    host.close();
    stranger.close();
  };
});

beforeEach(async () => {
  leadsTo = undefined;
  host.heard.length = 0;
  host.answer = ({ url = "", headers }, response) => {
    const realm = `Bearer realm="https://${host.name}/~bob/token",service="svc"`;
    if (url.startsWith("/~bob/v2/")) {
      response.writeHead(401, { "www-authenticate": realm }).end();
    } else if (url.includes("token")) {
      response.writeHead(200).end(JSON.stringify({ token: "a-pull-token" }));
    } else if (headers.authorization === undefined) {
      response.writeHead(401, { "www-authenticate": challenge }).end();
    } else if (leadsTo !== undefined && url.includes("/blobs/")) {
      response.writeHead(307, { location: leadsTo }).end();
    } else response.writeHead(200).end("{}");
  };
  stranger.answer = ({ url = "" }, response) => {
    const location = `https://${host.name}/~bob${url}`;
    response.writeHead(url.includes("/blobs/") ? 307 : 200, { location }).end();
  };
  program = await scene.start({
    REGISTRIES: `${host.name} ${stranger.name}`,
    AUTH_REGISTRIES: `${host.name}:robot:CANARY-robot ${stranger.name}:robot:CANARY-other`,
    DATA_DIR: join(scene.folder, String(Math.random())),
  });
  return () => program.stop();
});

/** The requests to what is Bob's that carry the password. */
const leaked = () => secretsIn(host.heard.filter((text) => text.includes("/~bob/")));

/** A token of the proxy's own, as any client of it gets one. */
async function ownToken(realm: string): Promise<string> {
  await viaProxy(program, host.name, "/v2/");
  const { body } = await viaProxy(program, host.name, `${realm}?service=svc`);
  return `Bearer ${JSON.parse(body.toString()).token}`;
}

it.each<readonly [string, string, () => string]>([
  ["Bearer", "/token", () => `Bearer realm="https://${host.name}/token",service="svc"`],
  ["Basic", "/entrepot/token", () => 'Basic realm="corp"'],
])(
  "a page with a challenge of its own does not name the token service of a %s registry",
  async (_, realm, asks) => {
    challenge = asks();
    const authorization = await ownToken(realm);
    const path = "/~bob/v2/pub/app/manifests/latest";
    const headers = { authorization };
    expect((await viaProxy(program, host.name, path, { headers })).status).toBe(401);
    await viaProxy(program, host.name, path, { headers });
    await viaProxy(program, host.name, "/v2/team/app/manifests/1", { headers });
    expect(host.heard.some((text) => text.includes("/~bob/v2/"))).toBe(true);
    expect(host.heard.filter((text) => text.includes("/~bob/token"))).toEqual([]);
    expect(leaked()).toEqual([]);
  },
);

it("a stranger's redirect of a blob to such a page has no password sent there", async () => {
  challenge = `Bearer realm="https://${host.name}/token",service="svc"`;
  await ownToken("/token");
  await direct(program, `/v2/${stranger.name}/x/blobs/${digest}`);
  expect(host.heard.some((text) => text.includes("/~bob/v2/"))).toBe(true);
  expect(host.heard.filter((text) => text.includes("/~bob/token"))).toEqual([]);
  expect(leaked()).toEqual([]);
});

it("a redirect of a blob on the same host to a page does not take the password along", async () => {
  challenge = 'Basic realm="corp"';
  leadsTo = "/~bob/download";
  const authorization = await ownToken("/entrepot/token");
  const headers = { authorization };
  await viaProxy(program, host.name, `/v2/team/app/blobs/${digest}`, { headers });
  expect(host.heard.some((text) => text.includes("/~bob/download"))).toBe(true);
  expect(leaked()).toEqual([]);
});
