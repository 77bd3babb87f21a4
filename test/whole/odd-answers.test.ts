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

describe("what a registry gzips unasked arrives as it was before", () => {
  const list = Buffer.from(JSON.stringify({ name: "team/app", tags: ["1"] }));
  const refusal = Buffer.from(JSON.stringify({ errors: [{ code: "DENIED", message: "no" }] }));
  const contents = new Map<string, readonly [number, Buffer]>([
    ["/v2/team/app/manifests/1", [200, manifest]],
    [`/v2/team/app/manifests/${digestOf(manifest)}`, [200, manifest]],
    [`/v2/team/app/blobs/${digestOf(blob)}`, [200, blob]],
    ["/v2/team/app/tags/list", [200, list]],
    [`/v2/team/app/referrers/${digestOf(blob)}`, [200, list]],
    ["/v2/_catalog", [200, list]],
    ["/v2/team/app/manifests/none", [404, refusal]],
    ["/v2/team/app/tags/list?n=1", [418, refusal]],
  ]);
  const answer = (type: string): void => {
    upstream.answer = ({ url = "", method }, response) => {
      const [status, content] = contents.get(url) ?? [200, Buffer.from("{}")];
      const sent = gzipSync(content);
      const fields = { "content-encoding": "gzip", "content-length": sent.length };
      response.writeHead(status, { ...fields, "content-type": type });
      response.end(method === "HEAD" ? undefined : sent);
    };
  };
  const headers = { accept: manifestType };

  it.each([...contents])("%s, through the proxy and a mirror", async (path, [status, content]) => {
    answer(path.includes("/manifests/") ? manifestType : "application/json");
    const mirrored = `${path}${path.includes("?") ? "&" : "?"}ns=${upstream.name}`;
    for (const pulled of [await get(path), await direct(program, mirrored, { headers })]) {
      expect([pulled.status, String(pulled.body)]).toEqual([status, String(content)]);
      expect(pulled.headers["content-encoding"]).toBeUndefined();
    }
  });

  it("a manifest that is nothing to keep", async () => {
    answer("text/plain");
    const path = `/v2/team/app/manifests/1?ns=${upstream.name}`;
    const pulled = await direct(program, path, { headers });
    expect([pulled.status, String(pulled.body)]).toEqual([200, String(manifest)]);
    expect(pulled.headers["content-encoding"]).toBeUndefined();
  });

  it("and a HEAD says no length but the manifest's own", async () => {
    answer(manifestType);
    const path = `/v2/team/app/manifests/${digestOf(manifest)}`;
    const { status, headers: said } = await viaProxy(program, upstream.name, path, {
      ...{ method: "HEAD", headers },
    });
    expect([status, said["content-length"]]).toEqual([200, String(manifest.length)]);
  });
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

  it.each(["bytes=100-", "bytes=0-", "bytes=-100", undefined])(
    "says that a layer is empty, to who asks for %s of it",
    async (range) => {
      upstream.answer = (_request, response) =>
        void response.writeHead(200, { "content-length": 0 }).end();
      const headers = range === undefined ? {} : { range };
      const path = `/v2/team/app/blobs/${digestOf(blob)}`;
      const asked = [1, 2, 3].map(() => viaProxy(program, upstream.name, path, { headers }));
      for (const { status } of await Promise.all(asked)) expect(status).toBe(502);
    },
  );
});
