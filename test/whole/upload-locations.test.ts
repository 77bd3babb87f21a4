/** Registries send the clients of a push to URLs of their own: they are the repository's all the same. */
import type { ServerResponse } from "node:http";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { type Program, Scene } from "./support/program.ts";

const bytes = Buffer.from("a layer");
const digest = digestOf(bytes);

let scene: Scene;
let server: EvilServer;
/** What it has, and where it sends uploads on to. */
let held: boolean;
let location: string;

beforeAll(async () => {
  scene = await Scene.open();
  server = await evilServer(scene, "reg.test");
  return async () => {
    await scene.close();
    server.close();
  };
});

beforeEach(() => {
  held = false;
  server.heard.length = 0;
  server.answer = ({ method = "", url = "" }, response) => {
    if (url === "/v2/") response.writeHead(200).end("{}");
    else if (method === "GET" || method === "HEAD") tell(response);
    else push(method, response);
  };
});

function push(method: string, response: ServerResponse): void {
  if (method === "PUT") held = true;
  const next = method === "PATCH" ? `${location}-2` : location;
  response.writeHead(method === "PUT" ? 201 : 202, { location: next }).end();
}

function tell(response: ServerResponse): void {
  const fields = { "content-length": bytes.length, "docker-content-digest": digest };
  response.writeHead(held ? 200 : 404, held ? fields : {}).end();
}

const shapes: Readonly<Record<string, string>> = {
  "GitHub's": "/v2/corp/app/blobs/upload/1f2e",
  "Artifact Registry's":
    "/artifacts-uploads/namespaces/corp/repositories/app/uploads/AJ-x_y==?_state=a%3D",
};

describe.each(Object.entries(shapes))("an upload of %s shape", (_, shape) => {
  const start = (settings: Record<string, string>): Promise<Program> =>
    scene.start({
      REGISTRIES: server.name,
      DATA_DIR: `${scene.folder}/${Math.random()}`,
      ...settings,
    });

  async function begin(program: Program, repository = "corp/app") {
    location = `${shape.replace("corp/app", repository)}`;
    const post = await viaProxy(program, server.name, `/v2/${repository}/blobs/uploads/`, {
      method: "POST",
    });
    expect(post.status).toBe(202);
    expect(post.headers.location).toBe(location);
  }

  const send = (program: Program, method: string, path: string) =>
    viaProxy(program, server.name, path, { method, body: bytes });

  it("is found by the next look, although the first look found nothing", async () => {
    const program = await start({});
    const look = () =>
      viaProxy(program, server.name, `/v2/corp/app/blobs/${digest}`, { method: "HEAD" });
    expect((await look()).status).toBe(404);
    await begin(program);
    expect((await send(program, "PATCH", location)).status).toBe(202);
    const put = `${location}-2`;
    const mark = put.includes("?") ? "&" : "?";
    expect((await send(program, "PUT", `${put}${mark}digest=${digest}`)).status).toBe(201);
    expect((await look()).status).toBe(200);
  });

  it("is let where its repository is allowed, and nothing else of that kind is", async () => {
    const program = await start({
      POLICY: JSON.stringify({ allow: [`${server.name}/corp/**`] }),
    });
    await begin(program);
    expect((await send(program, "PATCH", location)).status).toBe(202);
    const sent = server.heard.find((text) => text.startsWith("PATCH"))?.split(" ")[1];
    expect(sent).toBe(location);
  });

  it("is refused by ALLOW_PUSH=false", async () => {
    const program = await start({ ALLOW_PUSH: "false" });
    expect((await send(program, "PATCH", shape)).status).toBe(405);
    expect(server.heard.filter((text) => text.startsWith("PATCH"))).toEqual([]);
  });
});

it("a session begun in a repository that is denied since is refused outside /v2/ as well", async () => {
  location = "/artifacts-uploads/namespaces/corp/uploads/1";
  const policy = { deny: [`${server.name}/secret/**`] };
  const program = await scene.start({
    ...{ REGISTRIES: server.name, DATA_DIR: `${scene.folder}/denied` },
    POLICY: JSON.stringify(policy),
  });
  const post = await viaProxy(program, server.name, "/v2/secret/app/blobs/uploads/", {
    method: "POST",
  });
  expect(post.status).toBe(403);
  expect(server.heard.filter((text) => text.startsWith("POST"))).toEqual([]);
});

it("a registry whose uploads go on to another's paths opens none of them", async () => {
  const other = await evilServer(scene, "evil.test");
  const denied = "/repository/d/v2/secret/app/manifests/latest";
  const program = await scene.start({
    ...{ REGISTRIES: `${server.name} ${other.name}`, DATA_DIR: `${scene.folder}/others` },
    POLICY: JSON.stringify({ deny: [`${server.name}/secret/**`] }),
  });
  other.answer = (_request, response) =>
    void response.writeHead(202, { location: `https://${server.name}${denied}` }).end();
  const method = "POST";
  await viaProxy(program, other.name, "/v2/free/x/blobs/uploads/", { method });
  expect((await viaProxy(program, server.name, denied)).status).toBe(403);
  // Nor does its own word open what is denied there.
  location = denied;
  await viaProxy(program, server.name, "/v2/free/x/blobs/uploads/", { method });
  expect((await viaProxy(program, server.name, denied)).status).toBe(403);
  other.close();
});

it("an upload that goes on to a token path leaves it a token path", async () => {
  const realm = `Bearer realm="https://${server.name}/token",service="svc"`;
  const program = await scene.start({
    ...{ REGISTRIES: server.name, DATA_DIR: `${scene.folder}/tokens` },
  });
  server.answer = ({ method, url = "" }, response) => {
    if (method === "POST") response.writeHead(202, { location: "/token" }).end();
    else if (url.startsWith("/token")) response.writeHead(200).end('{"token":"theirs"}');
    else response.writeHead(401, { "www-authenticate": realm }).end();
  };
  await viaProxy(program, server.name, "/v2/");
  await viaProxy(program, server.name, "/v2/free/x/blobs/uploads/", { method: "POST" });
  const { body } = await viaProxy(program, server.name, "/token?service=svc");
  expect(JSON.parse(body.toString()).token).toMatch(/^ept1\./);
});
