/** POLICY and ALLOW_PUSH are not gone round by how a path is spelt, nor by where a registry leads on to. */
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { addImage, manifestType } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";

let scene: Scene;
/** Takes everything, as a servlet container in front of several products does. */
let server: EvilServer;

beforeAll(async () => {
  scene = await Scene.open();
  server = await evilServer(scene, "reg.test");
  return async () => {
    await scene.close();
    server.close();
  };
});

beforeEach(() => {
  server.answer = (_request, response) => void response.writeHead(201).end("{}");
  server.heard.length = 0;
});

/** What came, but for the proxy's own question how logins are taken there. */
const heard = () => server.heard.filter((text) => !/^(?:GET|HEAD) \/v2\/ /.test(text));

const programs = new Map<string, Promise<Program>>();

/** One program for all tests that want the same settings. */
function start(settings: Record<string, string>): Promise<Program> {
  const key = JSON.stringify(settings);
  const DATA_DIR = join(scene.folder, String(programs.size));
  const started =
    programs.get(key) ?? scene.start({ REGISTRIES: server.name, DATA_DIR, ...settings });
  programs.set(key, started);
  return started;
}

describe("under ALLOW_PUSH=false", () => {
  it.each([
    ["PUT", "/artifactory/api/docker/r/v2/app/manifests/1"],
    ["PUT", "/repository/r/v2/app/manifests/1"],
    ["PATCH", "/artifacts-uploads/namespaces/n/uploads/AJ-x_y=="],
    ["PUT", "/v2;x/app/manifests/1"],
    ["PUT", "/x/..;/v2/app/manifests/1"],
    ["PUT", "/v2/app%2fmanifests%2f1"],
    ["PATCH", "/v2/app/blobs/upload/1"],
    ["DELETE", "/api/v2.0/projects/x"],
    ["POST", "/acr/v1/x/_tags"],
    ["PURGE", "/v2/app/tags/list"],
    ["MKCOL", "/x"],
    ["POST", "/repository/r/v2/app/manifests/git-upload-pack"],
  ])("%s %s reaches nobody", async (method, path) => {
    const program = await start({ ALLOW_PUSH: "false" });
    const { status } = await viaProxy(program, server.name, path, { method });
    expect([404, 405]).toContain(status);
    expect(heard()).toEqual([]);
  });

  it("names the setting, and lets tokens and git be fetched", async () => {
    const program = await start({ ALLOW_PUSH: "false" });
    const put = await viaProxy(program, server.name, "/repository/r/v2/app/manifests/1", {
      method: "PUT",
    });
    expect([put.status, put.reason]).toEqual([405, expect.stringContaining("ALLOW_PUSH")]);
    for (const path of ["/team/app.git/git-upload-pack", "/oauth2/exchange", "/oauth2/token"]) {
      const { status } = await viaProxy(program, server.name, path, { method: "POST" });
      expect([path, status]).toEqual([path, 201]);
    }
    const options = await viaProxy(program, server.name, "/v2/app/tags/list", {
      method: "OPTIONS",
    });
    expect(options.status).toBe(201);
  });
});

describe("a denied repository", () => {
  it.each([
    ["GET", "/v2;x/secret/app/manifests/1"],
    ["GET", "/v2;x=y/secret/app/manifests/1"],
    ["GET", "/x/..;/v2/secret/app/manifests/1"],
    ["GET", "/;x/v2/secret/app/manifests/1"],
    ["GET", "/x/..%3b/v2/secret/app/manifests/1"],
    ["GET", "/x%2f..%2fv2/secret/app/manifests/1"],
    ["GET", "/v2/secret%2Fapp/manifests/1"],
    ["GET", "/v2/secret%2fapp/blobs/sha256%3Aab"],
    ["GET", "/v2/secret;x/app/manifests/1"],
    ["GET", "/v2/x;/../secret/app/manifests/1"],
    ["GET", "/v2//secret/app/manifests/1"],
    ["GET", "/v2/secret//app/manifests/1"],
    ["GET", "/v2/secret/app/manifests/1/"],
    ["GET", "/v2/secret/app/manifests//1"],
    ["GET", "/v2/./secret/app/manifests/1"],
    ["GET", "/artifactory/api/docker/r/v2/secret/app/manifests/1"],
    ["GET", "/repository/r/v2/secret/app/blobs/sha256:ab"],
    ["GET", "/repository/r/v2/secret%2Fapp/tags/list"],
    ["GET", "/repository/r/v2/s%65cret/app/tags/list"],
    ["GET", "/repository/r/v2/secret;x/app/tags/list"],
    ["GET", "/repository/r/v2/SECRET/app/manifests/1"],
    ["PUT", "/repository/r/v2/secret/app/manifests/1"],
    ["PATCH", "/v2/secret/app/blobs/upload/1"],
    ["PATCH", "/v2/secret/app/blobs/uploads/a/b/manifests/1"],
    ["PUT", "/v2/secret/app/blobs/uploads/a/b/manifests/1"],
    ["GET", "/v2;%2f..%2f../secret/app/manifests/latest"],
    ["GET", "/v2;%5c..%5c../secret/app/manifests/latest"],
    ["GET", "/v2;%252f..%252f../secret/app/manifests/latest"],
    ["GET", "/repository/d/v2/secret/app/manifests/latest;%2f..%2f..%2f..%2f..%2f.."],
    ["GET", "/%762/secret/y%252f..%252f..%252f..%252fok/../app/manifests/latest"],
    ["GET", "/%u0076%u0032/secret/app/manifests/latest"],
    ["GET", "/repository/v2/v2/secret/app/manifests/latest"],
    ["GET", "/repository/d/v2/secret/app/blobs/manifests/1"],
    ["GET", "/repository/d/v2/_catalog"],
    ["GET", `/extensions/v2/secret%2Fapp/signatures/sha256:${"a".repeat(64)}`],
    ["GET", `//extensions/v2/secret/app/signatures/sha256:${"a".repeat(64)}`],
    ["POST", "/v2/ok/app/blobs/uploads//?mount=sha256:ab&from=secret/app"],
    ["PUT", "/v2/ok/app/blobs/uploads/1?mount=sha256:ab&from=secret/app"],
    ["POST", "/v2/ok/app/blobs/uploads/?mount=sha256:ab;from=secret/app"],
    ["POST", "/repository/d/v2/ok/app/blobs/uploads/?mount=sha256:ab&from=secret/app"],
    ["POST", "/v2/ok/app/blobs/uploads/?mount=sha256:ab&from=secret/app"],
    ["POST", "/v2/ok/app/blobs/uploads/?mount=sha256:ab&from=secret%2Fapp"],
    ["POST", "/v2/ok/app/blobs/uploads/?mount=sha256:ab&from=%73ecret%2fapp"],
    ["POST", "/v2/ok/app/blobs/uploads/?mount=sha256:ab&%66rom=secret/app"],
    ["POST", "/v2/ok/app/blobs/uploads?mount=sha256:ab&from=ok/app&from=secret/app"],
  ])("is not reached by %s %s", async (method, path) => {
    const program = await start({ POLICY: JSON.stringify({ deny: [`${server.name}/secret/**`] }) });
    const { status } = await viaProxy(program, server.name, path, { method });
    expect([400, 403, 404, 405]).toContain(status);
    expect(heard()).toEqual([]);
  });

  it.each([
    ["GET", "/artifactory/api/docker/r/v2/ok/app/manifests/1"],
    ["GET", "/harbor/a%252Fb"],
    ["GET", "/api/v4/projects/group%2Fapp"],
    ["GET", "/index;jsessionid=1"],
    ["GET", "/v2/ok%2Fapp/tags/list"],
    ["PATCH", "/v2/ok/app/blobs/uploads/AJ-x_y=~+:@,%3D/z?_state=a%3D%3D"],
    ["POST", "/v2/ok/app/blobs/uploads/?mount=sha256:ab&from=ok%2Fother"],
  ])("does not stand in the way of %s %s", async (method, path) => {
    const program = await start({ POLICY: JSON.stringify({ deny: [`${server.name}/secret/**`] }) });
    const { status } = await viaProxy(program, server.name, path, { method });
    expect(status).toBe(201);
    const sent = server.heard.map((text) => text.split(" ")[1]).at(-1);
    expect(sent).toBe(path.replace("ok%2Fapp", "ok/app"));
  });
});

describe("where tags alone are allowed", () => {
  const digest = `sha256:${"c".repeat(64)}`;

  it.each([
    "manifests/evil",
    `manifests/${digest}`,
    "manifests/evil/",
    "manifests/evil%2f",
    `manifests/${digest}/`,
    `blobs/${digest}`,
    `blobs/${digest}/`,
    "blobs/manifests/evil",
  ])("a path prefix does not lead to %s", async (rest) => {
    const program = await start({ POLICY: JSON.stringify({ allow: [`${server.name}/app:v*`] }) });
    const { status } = await viaProxy(program, server.name, `/repository/d/v2/app/${rest}`);
    expect([403, 404]).toContain(status);
    expect(heard()).toEqual([]);
  });

  it("what an allowed tag led to under a path prefix is let", async () => {
    const program = await start({ POLICY: JSON.stringify({ allow: [`${server.name}/app:v*`] }) });
    server.answer = (_request, response) =>
      void response.writeHead(200, { "docker-content-digest": digest }).end("{}");
    const get = (rest: string) => viaProxy(program, server.name, `/repository/d/v2/app/${rest}`);
    expect((await get("manifests/v1")).status).toBe(200);
    expect((await get(`manifests/${digest}`)).status).toBe(200);
  });
});

it("a method in a field goes no further", async () => {
  const program = await start({});
  const headers = {
    ...{ "x-http-method-override": "PUT", "x-http-method": "PUT", "x-method-override": "PUT" },
    ...{ "x-original-url": "/v2/secret/app/manifests/1", "x-rewrite-url": "/v2/x" },
  };
  await viaProxy(program, server.name, "/some/page", { method: "POST", headers });
  expect(heard()).toHaveLength(1);
  expect(heard()[0]?.toLowerCase()).not.toMatch(/x-http-method|x-method|x-original|x-rewrite/);
});

it("a catalog does not name what is denied", async () => {
  server.answer = (_request, response) =>
    void response
      .writeHead(200, { "content-type": "application/json" })
      .end('{"repositories":["ok/app","secret/app"]}');
  const program = await start({ POLICY: JSON.stringify({ deny: [`${server.name}/secret/**`] }) });
  const answers = [
    await viaProxy(program, server.name, "/v2/_catalog"),
    await direct(program, `/v2/_catalog?ns=${server.name}`),
  ];
  for (const { body } of answers)
    expect(JSON.parse(body.toString())).toEqual({ repositories: ["ok/app"] });
  const head = await viaProxy(program, server.name, "/v2/_catalog", { method: "HEAD" });
  expect(head.headers["content-length"]).toBeUndefined();
});

it("a registry that leads on to a denied repository of another does not get it out", async () => {
  const [front, back] = [await scene.registry("front.test"), await scene.registry("back.test")];
  const image = addImage(back.server, "secret/app");
  addImage(front.server, "ok/app");
  const url = (path: string) => `https://${back.name}${path.replace("/ok/", "/secret/")}`;
  front.server.misbehave(
    { path: /^\/v2\/ok\/app\/(manifests|blobs)\// },
    { kind: "redirect", status: 307, url },
  );
  const program = await scene.start({
    ...{ REGISTRIES: front.name, AUTH_REGISTRIES: `${back.name}:robot:secret` },
    POLICY: JSON.stringify({ deny: [`${back.name}/secret/**`] }),
  });
  const headers = { accept: manifestType };
  for (const path of ["manifests/1", `manifests/${image.manifest}`, `blobs/${image.layer}`]) {
    const proxied = await viaProxy(program, front.name, `/v2/ok/app/${path}`, { headers });
    expect([path, proxied.status, proxied.reason]).toEqual([
      path,
      403,
      expect.stringContaining("POLICY"),
    ]);
    const mirrored = await direct(program, `/v2/${front.name}/ok/app/${path}`, { headers });
    expect([path, mirrored.status]).toEqual([path, 403]);
  }
  expect(back.server.count({ path: /secret/ })).toBe(0);
});
