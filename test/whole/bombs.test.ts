/** Answers that would fill the memory or hold up everybody, were they believed. */
import { createHash, randomBytes } from "node:crypto";
import { pipeline, Readable } from "node:stream";
import { createGzip, gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { longestTurn } from "../support/longest-turn.ts";
import { direct, secured, tunnel, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer, type Handler } from "./support/evil-server.ts";
import { manifestType } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";

let scene: Scene;
let evil: EvilServer;
let program: Program;

beforeAll(async () => {
  scene = await Scene.open();
  evil = await evilServer(scene, "evil.test");
  program = await scene.start({ REGISTRIES: evil.name });
  // What is loaded on first use is no bomb's doing.
  await viaProxy(program, evil.name, "/v2/a/b/manifests/warm");
}, 60_000);

afterAll(async () => {
  await scene.close();
  evil.close();
});

const MiB = 2 ** 20;

type Cost = { readonly megabytes: number; readonly stallMs: number };

/** What it cost this process, the evil server included. */
async function costOf(work: () => Promise<void>): Promise<Cost> {
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 10);
  const stallMs = await longestTurn(work);
  clearInterval(watch);
  return { megabytes: (most - before) / MiB, stallMs };
}

const zeros = Buffer.alloc(64 * 1024);
const nested = (open: string, close: string, count: number): Buffer =>
  Buffer.from(open.repeat(count) + close.repeat(count));
const config = `{"mediaType":"x/y","size":1,"digest":"sha256:${"a".repeat(64)}"}`;

const json = (body: Buffer, type = manifestType): Handler => {
  return (request, response) => {
    const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
    const fields = { "content-type": type, "docker-content-digest": digest };
    response.writeHead(200, { ...fields, "content-length": body.length });
    response.end(request.method === "HEAD" ? undefined : body);
  };
};

describe("a manifest", () => {
  it.each<readonly [string, Handler]>([
    ["of four million brackets", json(nested("[", "]", 2e6))],
    ["of four million brackets of a type unheard of", json(nested("[", "]", 2e6), "a/b+json")],
    ["of objects in objects", json(nested('{"a":', "}", 7e5))],
    [
      "of a hundred thousand layers",
      json(
        Buffer.from(
          `{"schemaVersion":2,"config":${config},"layers":[${`${config},`.repeat(30_000)}${config}]}`,
        ),
      ),
    ],
    ["of half a million keys", json(Buffer.from(`{${'"a":1,'.repeat(6e5)}"b":1}`))],
    [
      "of half a million keys of a type unheard of",
      json(Buffer.from(`{${'"a":1,'.repeat(6e5)}"b":1}`), "application/json"),
    ],
    ["of four million quotes", json(Buffer.from(`{"a":"${'\\"'.repeat(2e6)}"}`))],
  ])("%s costs little", async (_name, handler) => {
    evil.answer = handler;
    const tag = randomBytes(8).toString("hex");
    const cost = await costOf(async () => {
      const answer = await viaProxy(program, evil.name, `/v2/a/b/manifests/${tag}`);
      expect(answer.status).toBeGreaterThanOrEqual(200);
    });
    expect(cost.megabytes).toBeLessThan(96);
    expect(cost.stallMs).toBeLessThan(250);
  });

  it("of 16 MiB is passed on and not kept", async () => {
    const large = Buffer.alloc(16 * MiB);
    evil.answer = (request, response) => {
      response.writeHead(200, { "content-type": manifestType, "content-length": large.length });
      response.end(request.method === "HEAD" ? undefined : large);
    };
    for (const _time of ["first", "second"]) {
      const answer = await viaProxy(program, evil.name, "/v2/a/b/manifests/huge");
      expect([answer.status, answer.body.length]).toEqual([200, large.length]);
      expect(answer.headers["cache-status"]).toContain("fwd=bypass");
    }
  });

  it("of 200 MiB goes on at its reader's pace, and costs no memory", async () => {
    const pieces = (200 * MiB) / zeros.length;
    const hash = createHash("sha256");
    for (let piece = 0; piece < pieces; piece += 1) hash.update(zeros);
    const digest = `sha256:${hash.digest("hex")}`;
    let given = 0;
    evil.answer = (request, response) => {
      const fields = { "content-type": manifestType, "docker-content-digest": digest };
      response.writeHead(200, { ...fields, "content-length": 200 * MiB });
      if (request.method === "HEAD") return void response.end();
      given = 0;
      const more = function* () {
        for (; given < 200 * MiB; given += zeros.length) yield zeros;
      };
      pipeline(Readable.from(more(), { objectMode: false }), response, () => undefined);
    };
    let taken = 0;
    const cost = await costOf(async () => {
      const { socket } = await tunnel(program, evil.name);
      const tls = await secured(socket, program, evil.name);
      tls.write(
        `GET /v2/a/b/manifests/vast HTTP/1.1\r\nHost: ${evil.name}\r\nConnection: close\r\n\r\n`,
      );
      for await (const piece of tls) {
        taken += piece.length;
        expect(given - taken).toBeLessThan(48 * MiB);
      }
    });
    expect(taken).toBeGreaterThan(200 * MiB);
    expect(taken).toBeLessThan(200 * MiB + 4096);
    expect(cost.megabytes).toBeLessThan(96);
  });

  it("of 256 MiB of zeros in 256 KiB of gzip is not unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(256 * MiB));
    evil.answer = (request, response) => {
      const fields = { "content-type": manifestType, "content-encoding": "gzip" };
      response.writeHead(200, fields).end(request.method === "HEAD" ? undefined : bomb);
    };
    const cost = await costOf(async () => {
      const answer = await viaProxy(program, evil.name, "/v2/a/b/manifests/zip");
      expect(answer.status).toBe(502);
    });
    expect(cost.megabytes).toBeLessThan(64);
    expect(cost.stallMs).toBeLessThan(250);
  });
});

describe("a blob", () => {
  const digest = `sha256:${"b".repeat(64)}`;

  it("that is a gzip bomb is unpacked no faster than it is read, and not kept", async () => {
    evil.answer = (_request, response) => {
      const fields = { "content-type": "application/octet-stream", "content-encoding": "gzip" };
      response.writeHead(200, fields);
      const gzip = createGzip({ level: 1 });
      gzip.pipe(response);
      response.once("close", () => gzip.destroy());
      let left = (32 * MiB) / zeros.length;
      const more = (): void => {
        while (left-- > 0 && !gzip.destroyed) {
          if (gzip.write(zeros)) continue;
          gzip.once("drain", more);
          return;
        }
        gzip.end();
      };
      more();
    };
    const cost = await costOf(async () => {
      const asked = viaProxy(program, evil.name, `/v2/a/b/blobs/${digest}`);
      const answer = await asked.then(
        ({ body }) => body.length,
        () => "cut",
      );
      expect(answer).toBe("cut");
      const fetches = evil.heard.filter((each) => each.startsWith("GET") && each.includes(digest));
      expect(fetches).toHaveLength(1);
    });
    // The client of this very test keeps what it is sent.
    expect(cost.megabytes).toBeLessThan(32 + 96);
    expect(cost.stallMs).toBeLessThan(250);
    expect(
      program.lines.some((line) => line.includes("kept a blob") && line.includes(digest)),
    ).toBe(false);
  });
});

describe("a token service", () => {
  const challenge = (): string => `Bearer realm="https://${evil.name}/token",service="evil"`;

  beforeEach(() => {
    scene.aheadMs += 3_600_000;
  });

  it.each<readonly [string, () => Buffer]>([
    ["with a token of 10 MB", () => Buffer.from(JSON.stringify({ token: "x".repeat(1e7) }))],
    ["with 10 MB of brackets", () => nested("[", "]", 5e6)],
    ["with 200 KB of brackets", () => nested("[", "]", 1e5)],
    ["with 200 KB of keys", () => Buffer.from(`{${'"a":1,'.repeat(3e4)}"token":"x"}`)],
    ["with a token of line breaks", () => Buffer.from('{"token":"a\\r\\nX-Evil: 1"}')],
    ["with a token of letters unheard of", () => Buffer.from('{"token":"\u00e4\u2713"}')],
    ["with no token", () => Buffer.from("{}")],
    ["with a web page", () => Buffer.from("<html>")],
  ])("%s costs little", async (_name, body) => {
    const bytes = body();
    evil.answer = (request, response) => {
      if (request.url?.startsWith("/token")) {
        response.writeHead(200, { "content-type": "application/json" }).end(bytes);
        return;
      }
      response.writeHead(401, { "www-authenticate": challenge() }).end();
    };
    const cost = await costOf(async () => {
      const query = "/token?service=evil&scope=repository:a/b:pull";
      await viaProxy(program, evil.name, "/v2/");
      for (const path of ["/v2/a/b/manifests/1", query]) {
        const inside = await viaProxy(program, evil.name, path);
        expect(inside.body.length).toBeLessThan(1e6);
        expect(JSON.stringify(inside.headers).toLowerCase()).not.toContain("x-evil");
      }
      await direct(program, `/v2/${evil.name}/a/b/manifests/1`);
    });
    expect(evil.heard.some((each) => each.includes("X-Evil"))).toBe(false);
    expect(cost.megabytes).toBeLessThan(96);
    expect(cost.stallMs).toBeLessThan(250);
  });
});

describe("after all of that", () => {
  it("pulls go on", async () => {
    const layer = randomBytes(100_000);
    const digest = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
    evil.answer = (_request, response) =>
      void response.writeHead(200, { "content-length": layer.length }).end(layer);
    await eventually(async () => {
      const answer = await viaProxy(program, evil.name, `/v2/a/b/blobs/${digest}`);
      return answer.body.equals(layer);
    });
  });
});

describe("a field of 120 KB that was made to be slow to read", () => {
  const fields = [
    "Link",
    "WWW-Authenticate",
    "Location",
    "Cache-Control",
    "Content-Type",
    "Warning",
  ]
    .concat([
      "Docker-Content-Digest",
      "Content-Range",
      "RateLimit-Remaining",
      "Retry-After",
      "ETag",
    ])
    .concat(["Content-Encoding", "Content-Disposition", "Vary", "Date", "Set-Cookie"]);
  const letters = ["<", ";", ",", " a", '"', "\\", "=", "a=", "%", "/", "=\t"];

  it.each(fields)("%s holds up nobody, by either door", async (field) => {
    for (const letter of letters) {
      const value = `a${letter.repeat(120_000 / letter.length)}b`;
      const status = field === "WWW-Authenticate" ? 401 : 200;
      evil.answer = (_request, response) =>
        void response.writeHead(field === "Location" ? 307 : status, { [field]: value }).end("{}");
      const path = `/v2/a/${field.toLowerCase()}/tags/list?n=1`;
      const { stallMs } = await costOf(async () => {
        await direct(program, `${path}&ns=${evil.name}`);
        await viaProxy(program, evil.name, path);
      });
      expect(stallMs, `${field}: a${letter}…`).toBeLessThan(500);
    }
  });
});
