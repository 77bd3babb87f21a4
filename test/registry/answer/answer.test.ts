import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { RegistryError } from "../../../src/protocol/registry-error.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";
import { eventually } from "../../support/eventually.ts";
import { bytesOf, CountingSource, contentOf, startRig, upstreamAnswer } from "../rig.ts";

const bytes = bytesOf(2048);
const blob = contentOf(bytes);
const path = `/v2/a/b/blobs/${blob.digest}`;

describe("a blob out of the cache", () => {
  it("goes out whole with every field a client looks for", async () => {
    const source = new CountingSource(bytes);
    const rig = await startRig({ blob: async () => ({ ...blob, source, age: 12.9 }) });
    const answer = await rig.fetch(path);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(bytes)).toBe(true);
    expect(answer.headers).toMatchObject({
      "content-type": "application/octet-stream",
      "content-length": "2048",
      "docker-content-digest": blob.digest,
      "docker-distribution-api-version": "registry/2.0",
      etag: `"${blob.digest}"`,
      "accept-ranges": "bytes",
      "cache-status": "entrepot; hit",
      age: "12",
    });
    expect(answer.headers).not.toHaveProperty("content-encoding");
    expect(answer.headers).not.toHaveProperty("warning");
    expect(answer.rawHeaders).toContain("Docker-Content-Digest");
    expect(answer.rawHeaders).toContain("ETag");
    expect(source.closed).toBe(1);
    expect(rig.events).toMatchObject([
      { status: 200, bytes: 2048, outcome: "hit", end: "complete", what: blob.digest },
    ]);
  });

  it("says by HEAD how long it is and reads nothing", async () => {
    const source = new CountingSource(bytes);
    const rig = await startRig({ blob: async () => ({ ...blob, source }) });
    const answer = await rig.fetch(path, { method: "HEAD", headers: { range: "bytes=0-9" } });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "content-length": "2048",
      "docker-content-digest": blob.digest,
    });
    expect(answer.body).toHaveLength(0);
    expect([source.reads, source.closed]).toEqual([0, 1]);
  });

  it.each([
    ["quoted", `"${blob.digest}"`],
    ["bare", blob.digest],
    ["weak", `W/"${blob.digest}"`],
    ["among others", `"x", "${blob.digest}"`],
  ])("is not sent again to a client whose If-None-Match is %s", async (_, tag) => {
    const rig = await startRig({ blob: async () => blob });
    const answer = await rig.fetch(path, { headers: { "if-none-match": tag } });
    expect(answer.status).toBe(304);
    expect(answer.body).toHaveLength(0);
    expect(answer.headers.etag).toBe(`"${blob.digest}"`);
    expect(answer.headers).not.toHaveProperty("content-length");
  });

  it.each([
    ["bytes=500-1499", 206, "bytes 500-1499/2048", [500, 1500]],
    ["bytes=500-", 206, "bytes 500-2047/2048", [500, 2048]],
    ["bytes=-500", 206, "bytes 1548-2047/2048", [1548, 2048]],
    ["bytes=2000-5000", 206, "bytes 2000-2047/2048", [2000, 2048]],
    ["bytes=0-0", 206, "bytes 0-0/2048", [0, 1]],
    ["items=0-1", 200, undefined, [0, 2048]],
    ["bytes=a-b", 200, undefined, [0, 2048]],
  ])("answers Range: %s with %i", async (range, status, contentRange, [start, end]) => {
    const rig = await startRig({ blob: async () => blob });
    const answer = await rig.fetch(path, { headers: { range } });
    expect(answer.status).toBe(status);
    expect(answer.headers["content-range"]).toBe(contentRange);
    expect(answer.body.equals(bytes.subarray(start, end))).toBe(true);
    expect(answer.headers["content-length"]).toBe(String(answer.body.length));
  });

  it.each(["bytes=500-0", "bytes=5000-10000", "bytes=-0"])(
    "answers Range: %s with 416",
    async (range) => {
      const source = new CountingSource(bytes);
      const rig = await startRig({ blob: async () => ({ ...blob, source }) });
      const answer = await rig.fetch(path, { headers: { range } });
      expect(answer.status).toBe(416);
      expect(answer.headers["content-range"]).toBe("bytes */2048");
      expect(JSON.parse(answer.text).errors[0].code).toBe("RANGE_INVALID");
      expect(source.closed).toBe(1);
    },
  );

  it("comes in as many parts as a zstd:chunked client asks for, in its order", async () => {
    const rig = await startRig({ blob: async () => blob });
    const answer = await rig.fetch(path, { headers: { range: "bytes=200-299,0-99,2000-" } });
    expect(answer.status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(
      answer.headers["content-type"] ?? "",
    )?.[1];
    const parts = answer.body.toString("latin1").split(`--${boundary}`).slice(1, -1);
    const read = parts.map((part) => {
      const [head = "", body = ""] = part.split("\r\n\r\n");
      return [/content-range: (.*)/i.exec(head)?.[1], Buffer.from(body, "latin1").subarray(0, -2)];
    });
    expect(read).toEqual([
      ["bytes 200-299/2048", bytes.subarray(200, 300)],
      ["bytes 0-99/2048", bytes.subarray(0, 100)],
      ["bytes 2000-2047/2048", bytes.subarray(2000)],
    ]);
    expect(answer.headers["content-length"]).toBe(String(answer.body.length));
  });

  it("comes whole when several ranges of what is still arriving are asked for", async () => {
    const rig = await startRig({ blob: async () => ({ ...blob, outcome: "miss" as const }) });
    const answer = await rig.fetch(path, { headers: { range: "bytes=0-1,4-5" } });
    expect([answer.status, answer.body.length]).toEqual([200, 2048]);
    expect(answer.headers["cache-status"]).toBe("entrepot; fwd=miss; stored");
  });

  it("goes out in chunks while its length is not known", async () => {
    const source = new CountingSource(bytes, undefined);
    Object.assign(source, { size: undefined });
    const rig = await startRig({ blob: async () => ({ ...blob, source }) });
    const answer = await rig.fetch(path, { headers: { range: "bytes=5-" } });
    expect(answer.status).toBe(200);
    expect(answer.headers["transfer-encoding"]).toBe("chunked");
    expect(answer.body.equals(bytes)).toBe(true);
  });

  it("of no bytes is answered with no bytes, by GET, HEAD and Range", async () => {
    const empty = contentOf(Buffer.alloc(0));
    const rig = await startRig({ blob: async () => empty });
    for (const [method, headers] of [
      ["GET", {}],
      ["HEAD", {}],
      ["GET", { range: "bytes=0-" }],
    ] as const) {
      const answer = await rig.fetch(path, { method, headers });
      expect([answer.status, answer.headers["content-length"]]).toEqual([200, "0"]);
    }
  });

  it("carries a warning when it is stale, and the mirror's namespace", async () => {
    const rig = await startRig({
      blob: async () => ({
        ...blob,
        outcome: "stale" as const,
        warning: 'old, "registry" is down',
      }),
      ask: { door: "mirror", view: { repositoryPrefix: "", namespace: "docker.io" } },
    });
    const { headers } = await rig.fetch(path);
    expect(headers.warning).toBe('299 - "old, \\"registry\\" is down"');
    expect(headers["cache-status"]).toBe("entrepot; fwd=stale; detail=stale");
    expect(headers["oci-namespace"]).toBe("docker.io");
  });
});

describe("bytes that do not come", () => {
  it("are a clean 502 while nothing has been sent", async () => {
    const source = new CountingSource(bytes);
    source.failAt = 0;
    source.failure = new UpstreamError("RESET", "registry.example", "registry.example hung up");
    const rig = await startRig({ blob: async () => ({ ...blob, source }) });
    const answer = await rig.fetch(path);
    expect(answer.status).toBe(502);
    // All that engines print of a 5xx.
    expect(answer.reason).toBe("registry.example hung up");
    expect(answer.headers["cache-status"]).toBe("entrepot; fwd=miss; detail=RESET");
    expect(JSON.parse(answer.text)).toMatchObject({
      errors: [{ code: "UNAVAILABLE", message: "registry.example hung up" }],
    });
    expect(source.closed).toBe(1);
    expect(rig.events[0]).toMatchObject({
      status: 502,
      end: "complete",
      error: { code: "RESET", host: "registry.example" },
    });
  });

  it.each([1, 1000, 300_000])(
    "after %i bytes break the connection, never end it",
    async (failAt) => {
      const large = contentOf(bytesOf(400_000));
      const source = new CountingSource(bytesOf(400_000));
      source.failAt = failAt;
      const rig = await startRig({ blob: async () => ({ ...large, source }) });
      await expect(rig.fetch(path)).rejects.toMatchObject({ code: "ECONNRESET" });
      await eventually(() => expect(rig.events).toMatchObject([{ end: "cut", status: 200 }]));
      expect(source.closed).toBe(1);
    },
  );

  it("of unknown length break the connection too", async () => {
    const source = new CountingSource(bytes);
    Object.assign(source, { size: undefined });
    source.failAt = 1000;
    const rig = await startRig({ blob: async () => ({ ...blob, source }) });
    await expect(rig.fetch(path)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("and end before their size break the connection", async () => {
    const source = new CountingSource(bytes.subarray(0, 100), 2048);
    const rig = await startRig({ blob: async () => ({ ...blob, source }) });
    await expect(rig.fetch(path)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("keep the head waiting only a moment", async () => {
    const gate = Promise.withResolvers<void>();
    const source = new CountingSource(bytes);
    const read = source.read.bind(source);
    source.read = async (...args) => {
      await gate.promise;
      return read(...args);
    };
    const outcome = "miss";
    const rig = await startRig({ blob: async () => ({ ...blob, source, outcome }) });
    const socket = connect(rig.port, "127.0.0.1");
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const head = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
    expect(head.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/);
    gate.resolve();
    const rest = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
    expect(rest.equals(bytes)).toBe(true);
    socket.destroy();
  });
});

describe("a slow client", () => {
  const huge = bytesOf(24 * 1024 * 1024);

  it("that stops reading costs one buffer beside what the system holds, then its connection", async () => {
    const source = new CountingSource(huge);
    const rig = await startRig({
      blob: async () => contentOf(huge, { source }),
      timing: { now: () => 0, sendIdle: 300 },
    });
    const socket = connect(rig.port, "127.0.0.1");
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    let received = 0;
    socket.once("data", (chunk) => {
      received = chunk.length;
      socket.pause();
    });
    await eventually(() => expect(rig.events).toMatchObject([{ end: "cut" }]));
    expect(received).toBeGreaterThan(0);
    const [{ bytes: sent } = { bytes: 0 }] = rig.events;
    // What was read and has not left is never more than the one buffer being written.
    expect(source.bytesRead - sent).toBeLessThanOrEqual(2 * 1024 * 1024);
    expect(source.bytesRead).toBeLessThan(huge.length);
    expect(source.closed).toBe(1);
    socket.destroy();
  });

  it("that goes on reading, with pauses shorter than that, gets everything", async () => {
    const rig = await startRig({
      blob: async () => contentOf(huge),
      timing: { now: () => 0, sendIdle: 2_000 },
    });
    const socket = connect(rig.port, "127.0.0.1");
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    let received = 0;
    let pauses = 0;
    for await (const chunk of socket) {
      received += chunk.length;
      if (received > (pauses + 1) * 6_000_000) {
        pauses += 1;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    expect(received).toBeGreaterThan(huge.length);
    expect(pauses).toBeGreaterThan(2);
  });

  it("that leaves ends the reading and closes the source", async () => {
    const source = new CountingSource(huge);
    let signal: AbortSignal | undefined;
    const rig = await startRig({
      blob: async (ask) => {
        signal = ask.signal;
        return contentOf(huge, { source });
      },
    });
    const socket = connect(rig.port, "127.0.0.1");
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    socket.once("data", () => socket.destroy());
    await eventually(() => expect(rig.events).toMatchObject([{ end: "left", error: undefined }]));
    expect(signal?.aborted).toBe(true);
    expect(source.closed).toBe(1);
    expect(source.bytesRead).toBeLessThan(huge.length);
  });

  it("that leaves takes nobody's turn for what was read for him, not with sixty-four of his kind", async () => {
    const leavers = 64;
    const read = Promise.withResolvers<void>();
    const gone: AbortSignal[] = [];
    class ReadTooLate extends CountingSource {
      override async read(buffer: Uint8Array, position: number, signal: AbortSignal) {
        const count = await super.read(buffer, position, signal);
        if (position > 0) await read.promise;
        return count;
      }
    }
    const source = new ReadTooLate(huge);
    const rig = await startRig({
      blob: async ({ signal }) => {
        gone.push(signal);
        return contentOf(huge, { source });
      },
    });
    const sockets: Socket[] = [];
    for (let count = 0; count < leavers; count += 1) {
      const socket = connect(rig.port, "127.0.0.1");
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      socket.resume();
      sockets.push(socket);
    }
    await eventually(() => expect(source.reads).toBe(2 * leavers));
    for (const socket of sockets) socket.destroy();
    await eventually(() => expect(gone.filter((one) => one.aborted)).toHaveLength(leavers));
    expect(source.closed).toBe(0);
    read.resolve();
    let turns = 0;
    while (source.closed < leavers) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
    // Their pieces of 256 KiB would take sixteen.
    expect(turns).toBeLessThanOrEqual(4);
  });

  it("that leaves before there is an answer ends the wait for it", async () => {
    const rig = await startRig({
      blob: (ask) =>
        new Promise((_, reject) => {
          ask.signal.addEventListener("abort", () => reject(ask.signal.reason));
          socket.destroy();
        }),
    });
    const socket = connect(rig.port, "127.0.0.1");
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await eventually(() => expect(rig.events).toMatchObject([{ end: "left", status: 499 }]));
  });
});

describe("an upstream's own answer", () => {
  it("is passed on with its status, its duplicates and its body, less what ends at a connection", async () => {
    const rig = await startRig({
      manifest: async () => ({
        kind: "passed",
        outcome: "bypass",
        response: upstreamAnswer(
          401,
          {
            "www-authenticate": ['Bearer realm="https://auth.example/token"', "Basic"],
            "content-type": "application/json",
            "content-length": "2",
            "keep-alive": "timeout=5",
            connection: "X-Hop",
            "x-hop": "1",
            "alt-svc": 'h3=":443"',
            "cache-status": "Cloudflare; hit",
            "x-odd": "fine \u0007",
          },
          "{}",
        ),
      }),
    });
    const answer = await rig.fetch("/v2/a/manifests/latest");
    expect([answer.status, answer.text]).toEqual([401, "{}"]);
    const values = (name: string) =>
      answer.rawHeaders.filter((_, index, all) => index % 2 === 1 && all[index - 1] === name);
    expect(values("WWW-Authenticate")).toEqual([
      'Bearer realm="https://auth.example/token"',
      "Basic",
    ]);
    expect(values("Cache-Status")).toEqual(["Cloudflare; hit", "entrepot; fwd=bypass"]);
    for (const name of ["x-hop", "alt-svc", "x-odd"]) {
      expect(answer.headers).not.toHaveProperty(name);
    }
    expect(answer.headers["keep-alive"]).not.toBe("timeout=5 ");
  });

  it("to HEAD keeps its Content-Length", async () => {
    const rig = await startRig({
      manifest: async () => ({
        kind: "passed",
        outcome: "negative",
        response: upstreamAnswer(404, { "content-length": "123" }),
      }),
    });
    const answer = await rig.fetch("/v2/a/manifests/latest", { method: "HEAD" });
    expect([answer.status, answer.headers["content-length"]]).toEqual([404, "123"]);
  });

  it("that breaks off is broken off here too", async () => {
    const response = upstreamAnswer(200, { "content-length": "1000" });
    const broken = (async function* () {
      yield Buffer.alloc(10);
      throw new UpstreamError("RESET", "a", "gone");
    })();
    const { Readable } = await import("node:stream");
    const rig = await startRig({
      manifest: async () => ({
        kind: "passed",
        outcome: "bypass",
        response: { ...response, body: Readable.from(broken) },
      }),
    });
    await expect(rig.fetch("/v2/a/manifests/latest")).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});

describe("an error of ours", () => {
  it("has the spec's body, its fields and its length, also by HEAD", async () => {
    const rig = await startRig({
      manifest: async () => {
        throw new RegistryError("TOOMANYREQUESTS", "slow down", {
          headers: headerList({ "retry-after": "7" }),
        });
      },
    });
    const answer = await rig.fetch("/v2/a/manifests/latest");
    expect(answer.status).toBe(429);
    expect(answer.headers).toMatchObject({
      "content-type": "application/json",
      "retry-after": "7",
      "cache-status": "entrepot; detail=TOOMANYREQUESTS",
      "docker-distribution-api-version": "registry/2.0",
    });
    expect(JSON.parse(answer.text)).toEqual({
      errors: [{ code: "TOOMANYREQUESTS", message: "slow down" }],
    });
    const head = await rig.fetch("/v2/a/manifests/latest", { method: "HEAD" });
    expect([head.status, head.headers["content-length"]]).toEqual([
      429,
      String(answer.body.length),
    ]);
    expect(rig.events.at(-1)?.error).toMatchObject({ code: "TOOMANYREQUESTS" });
  });
});
