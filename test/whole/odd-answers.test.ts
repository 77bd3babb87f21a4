/** Registries that answer in ways container engines put up with: what works without the proxy works through it. */
import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { type Answer, direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { manifestType } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";

let program: Program;
let upstream: EvilServer;

beforeEach(async () => {
  const scene = await Scene.open();
  upstream = await evilServer(scene, "odd.test");
  program = await scene.start({ REGISTRIES: upstream.name });
});

const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType }));
const blob = Buffer.alloc(200_000, "layer ");

/** Every answer has this head, before what is asked for. */
function answerAs(head: (body: Buffer) => string): void {
  upstream.answer = ({ url = "", method, socket }) => {
    const isManifest = url.includes("/manifests/");
    const body = isManifest ? manifest : blob;
    const type = isManifest ? manifestType : "application/octet-stream";
    socket.write(`${head(body)}\r\nContent-Type: ${type}\r\n\r\n`);
    if (method !== "HEAD") socket.write(body);
  };
}

const get = (path: string): Promise<Answer> =>
  viaProxy(program, upstream.name, path, { headers: { accept: manifestType } });

async function bothArrive(): Promise<void> {
  const pulled = await get("/v2/team/app/manifests/1");
  expect([pulled.status, String(pulled.body)]).toEqual([200, String(manifest)]);
  const layer = await get(`/v2/team/app/blobs/${digestOf(blob)}`);
  expect(layer.status).toBe(200);
  expect(layer.headers["content-range"]).toBeUndefined();
  expect(layer.body.equals(blob)).toBe(true);
}

describe("an image is pulled from a registry that", () => {
  it("answers 206 with everything to who asked for no part", async () => {
    answerAs((body) => {
      const range = `bytes 0-${body.length - 1}/${body.length}`;
      return `HTTP/1.1 206 Partial Content\r\nContent-Range: ${range}\r\nContent-Length: ${body.length}`;
    });
    await bothArrive();
  });
});

it("a registry that gzips its ping and its tokens unasked is pulled from", async () => {
  const origin = `https://${upstream.name}`;
  const challenge = `Bearer realm="${origin}/token",service="odd"`;
  upstream.answer = ({ url = "", headers: { authorization } }, response) => {
    if (authorization === "Bearer t0ken") {
      response.writeHead(200, { "content-type": manifestType }).end(manifest);
      return;
    }
    const isToken = url.startsWith("/token");
    response.writeHead(isToken ? 200 : 401, {
      "content-encoding": "gzip",
      ...(isToken ? {} : { "www-authenticate": challenge }),
    });
    response.end(gzipSync(isToken ? '{"token":"t0ken"}' : "{}"));
  };
  const ping = await get("/v2/");
  expect([ping.status, ping.headers["www-authenticate"]]).toEqual([401, challenge]);
  expect(ping.headers["content-encoding"]).toBeUndefined();
  const pulled = await direct(program, `/v2/team/app/manifests/1?ns=${upstream.name}`, {
    headers: { accept: manifestType },
  });
  expect([pulled.status, String(pulled.body)]).toEqual([200, String(manifest)]);
});

describe("nothing is believed of a registry that", () => {
  it("says two lengths of one answer", async () => {
    answerAs(({ length }) => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nContent-Length: 7`);
    expect((await get(`/v2/team/app/blobs/${digestOf(blob)}`)).status).toBe(502);
  });

  it("answers with a part to who asked for everything", async () => {
    answerAs(({ length }) => {
      const range = `bytes 0-${length - 1}/${length + 1}`;
      return `HTTP/1.1 206 Partial Content\r\nContent-Range: ${range}\r\nContent-Length: ${length}`;
    });
    expect((await get(`/v2/team/app/blobs/${digestOf(blob)}`)).status).toBe(502);
  });
});
