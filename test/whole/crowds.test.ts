/** A crowd behind one address, and the others who want something of the same registry. */
import { once } from "node:events";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { digestOf as digestOfBytes } from "../../src/protocol/digest.ts";
import { eventually } from "../support/eventually.ts";
import { evilServer } from "./support/evil-server.ts";
import { manifestType } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";

const digestOf = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;

async function rig() {
  const scene = await Scene.open();
  const registry = await evilServer(scene, "registry.test");
  onTestFinished(registry.close);
  const program = await scene.start({ REGISTRIES: registry.name });
  return { registry, program };
}

/** Asked from a loopback address of the client's own. */
function asked(program: Program, localAddress: string, path: string): ClientRequest {
  const options = { host: "127.0.0.1", port: program.port, localAddress, path, agent: false };
  const request = httpRequest(options).on("error", () => undefined);
  onTestFinished(() => void request.destroy());
  request.end();
  return request;
}

it("leaves the others room: their blobs begin while its own wait", async () => {
  const { registry, program } = await rig();
  const begun: string[] = [];
  registry.answer = ({ url = "" }, response) => {
    begun.push(url);
    response.writeHead(200, { "content-length": 1_000_000 }).write("a".repeat(1_000));
  };
  const blob = (client: string, n: number) =>
    asked(program, client, `/v2/${registry.name}/team/app/blobs/${digestOf(n)}`);
  for (let n = 1; n <= 300; n++) blob("127.0.0.1", n);
  const ofBlobs = () => begun.filter((url) => url.includes("/blobs/")).length;
  await eventually(() => expect(ofBlobs()).toBe(228));
  for (let n = 1; n <= 9; n++) {
    const [answer] = (await once(blob(`127.0.0.${n + 1}`, 1_000 + n), "response")) as [
      IncomingMessage,
    ];
    expect(answer.statusCode).toBe(200);
  }
  expect(ofBlobs()).toBe(237);
});

it("asks for nothing any more once it has gone, but for the blobs that others may want", async () => {
  const { registry, program } = await rig();
  const sockets = new Map<string, Socket>();
  registry.answer = ({ url = "", socket }, response) => {
    if (url === "/v2/") return void response.writeHead(200).end();
    sockets.set(url, socket);
    response.writeHead(200, { "content-length": 1_000_000 }).write("a".repeat(1_000));
  };
  const blob = `/v2/team/app/blobs/${digestOf(1)}`;
  const passed = ["/v2/team/app/tags/list", "/v2/_catalog"];
  const requests = [blob, ...passed].map((path) =>
    asked(program, "127.0.0.1", path.replace("/v2/", `/v2/${registry.name}/`)),
  );
  await eventually(() => expect(sockets.size).toBe(3));
  for (const request of requests) request.destroy();
  await eventually(() => {
    for (const path of passed) expect(sockets.get(path)?.destroyed).toBe(true);
  });
  expect(sockets.get(blob)?.destroyed).toBe(false);
});

it("keeps no registry at work on manifests that it no longer waits for, by tag or by digest", async () => {
  const { registry, program } = await rig();
  const sockets = new Map<string, Socket>();
  registry.answer = ({ url = "", socket }, response) => {
    if (url === "/v2/") return void response.writeHead(200).end();
    sockets.set(url, socket);
  };
  const paths = ["latest", digestOf(1)].map((reference) => `/v2/team/app/manifests/${reference}`);
  const requests = paths.map((path) =>
    asked(program, "127.0.0.1", path.replace("/v2/", `/v2/${registry.name}/`)),
  );
  await eventually(() => expect([...sockets.keys()].sort()).toEqual([...paths].sort()));
  for (const request of requests) request.destroy();
  const isOver = (path: string) => sockets.get(path)?.destroyed;
  await eventually(() => expect(paths.map(isOver)).toEqual([true, true]));
});

it("leaves the others tokens: theirs are fetched while its own exchanges hang", async () => {
  const { registry, program } = await rig();
  const realm = `https://${registry.name}/token`;
  const scopes: string[] = [];
  registry.answer = ({ url = "" }, response) => {
    if (!url.startsWith("/token")) {
      const challenge = `Bearer realm="${realm}",service="registry"`;
      return void response.writeHead(401, { "www-authenticate": challenge }).end();
    }
    scopes.push(decodeURIComponent(url));
  };
  const manifest = (client: string, name: string) =>
    asked(program, client, `/v2/${registry.name}/${name}/manifests/1`);
  for (let n = 1; n <= 100; n++) manifest("127.0.0.1", `crowd/app${n}`);
  await eventually(() => expect(scopes.length).toBeGreaterThanOrEqual(28));
  manifest("127.0.0.2", "office/app");
  await eventually(() => expect(scopes.join("\n")).toContain("office/app"));
});

it("does not keep a newcomer out by hanging twenty-nine manifests alone, and then three more addresses", async () => {
  const { registry, program } = await rig();
  const config = { mediaType: "x/y", digest: digestOf(1), size: 5 };
  const image = { schemaVersion: 2, mediaType: manifestType, config, layers: [] };
  const bytes = Buffer.from(JSON.stringify(image));
  let hanging = 0;
  registry.answer = ({ url = "" }, response) => {
    if (url.includes("/hang/")) hanging += 1;
    else if (url === "/v2/") response.writeHead(200).end();
    else {
      const fields = {
        "content-type": manifestType,
        "docker-content-digest": digestOfBytes(bytes),
      };
      response.writeHead(200, fields).end(bytes);
    }
  };
  const manifest = (client: string, path: string) =>
    asked(program, client, `/v2/${registry.name}/${path}/manifests/1`);
  const first: ClientRequest[] = [];
  for (let n = 1; n <= 29; n++) first.push(manifest("127.0.0.1", `hang/app${n}`));
  await eventually(() => expect(hanging).toBe(29));
  for (let n = 2; n <= 4; n++) manifest(`127.0.0.${n}`, `hang/app${n}-too`);
  await eventually(() => expect(hanging).toBe(32));
  const given = Promise.any(first.map((request) => once(request, "response")));
  const [answer] = (await once(manifest("127.0.0.5", "office/app"), "response")) as [
    IncomingMessage,
  ];
  expect(answer.statusCode).toBe(200);
  const [givenUp] = (await given) as [IncomingMessage];
  expect([givenUp.statusCode, givenUp.headers["retry-after"]]).toEqual([503, "5"]);
});
