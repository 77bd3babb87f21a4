import { createServer, type ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Pool } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/runtime/clock.ts";
import { OneAnswer, type OneAnswerOptions } from "../../../src/upstream/net/one-answer.ts";
import { WideBodies } from "../../../src/upstream/net/wide-bodies.ts";
import { eventually } from "../../support/eventually.ts";
import { memoryOf } from "../../support/memory-of.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";
import { listening, readAll, rejection } from "../rig.ts";

const options: OneAnswerOptions = {
  host: "reg.test",
  method: "GET",
  hasBody: false,
  signal: new AbortController().signal,
  clock: systemClock,
  wide: new WideBodies(systemClock.after),
  connectMs: undefined,
  headersMs: 5_000,
  uploadIdleMs: 5_000,
};

async function poolOf(listener: Parameters<typeof createServer>[1]): Promise<Pool> {
  const { host, port } = await listening(createServer(listener));
  const pool = new Pool(`http://${host}:${port}`, { allowH2: false });
  onTestFinished(() => pool.destroy());
  return pool;
}

describe("an exchange on an undici pool", () => {
  it("passes over interim answers", async () => {
    const pool = await poolOf((_request, response) => {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.end("ok");
    });
    const exchange = new OneAnswer(options);
    pool.dispatch({ path: "/", method: "GET" }, exchange);
    const { status, body } = await exchange.response;
    expect(status).toBe(200);
    expect(String(await readAll(body))).toBe("ok");
  });

  it.each(["HEAD", "GET"])("knows the end of an empty answer to %s", async (method) => {
    const pool = await poolOf((_request, response) => response.writeHead(204).end());
    const exchange = new OneAnswer({ ...options, method });
    pool.dispatch({ path: "/", method }, exchange);
    const { body } = await exchange.response;
    expect((await readAll(body)).length).toBe(0);
  });

  it("does not blame the registry for the time in which this process was held up itself", async () => {
    const pool = await poolOf((_request, response) => response.end("ok"));
    const exchange = new OneAnswer({ ...options, headersMs: 500 });
    pool.dispatch({ path: "/", method: "GET" }, exchange);
    await nextTurn();
    const end = performance.now() + 900;
    while (performance.now() < end);
    expect(await exchange.response).toMatchObject({ status: 200 });
  });

  it("that was given up before its turn is never sent", async () => {
    let requests = 0;
    const pool = await poolOf((_request, response) => {
      requests += 1;
      response.end();
    });
    const stop = new AbortController();
    const exchange = new OneAnswer({ ...options, signal: stop.signal });
    stop.abort();
    pool.dispatch({ path: "/", method: "GET" }, exchange);
    expect(await rejection(exchange.response)).toMatchObject({ code: "ABORTED" });
    await eventually(() => pool.stats.size === 0);
    expect(requests).toBe(0);
  });

  it("comes in few large pieces, however small the registry sends it", async () => {
    const whole = Buffer.alloc(256 * 1024, 7);
    const pool = await poolOf(async (_request, response) => {
      response.setHeader("content-length", whole.length);
      for (let at = 0; at < whole.length; at += 1024) {
        response.write(whole.subarray(at, at + 1024));
        await nextTurn();
      }
      response.end();
    });
    const exchange = new OneAnswer({ ...options, clock: new SteppedClock() });
    pool.dispatch({ path: "/", method: "GET" }, exchange);
    const { body } = await exchange.response;
    const lengths: number[] = [];
    for await (const piece of body) lengths.push(piece.length);
    expect(lengths.reduce((sum, length) => sum + length)).toBe(whole.length);
    expect(lengths.slice(1, -1).every((length) => length === 32 * 1024)).toBe(true);
  });

  it.each([
    ["of 8 MiB lies where another thread can hash it", 8, true],
    ["of less has memory of its own, unless it comes fast", 7.9, false],
  ])("%s", async (_, mebibytes, isShared) => {
    const bytes = Buffer.alloc(mebibytes * 1024 * 1024, "x");
    const pool = await poolOf((_request, response) => {
      response.writeHead(200, { "content-length": bytes.length }).end(bytes);
    });
    const wide = new WideBodies(systemClock.after);
    for (let others = 0; others < 8; others += 1) wide.enter();
    const exchange = new OneAnswer({ ...options, wide });
    pool.dispatch({ path: "/", method: "GET" }, exchange);
    const { body } = await exchange.response;
    const large = new Set<ArrayBufferLike>();
    let length = 0;
    for await (const piece of body) {
      length += piece.length;
      if (piece.length >= 128 * 1024) large.add(piece.buffer);
      body.giveBack?.(piece);
    }
    expect(length).toBe(bytes.length);
    expect([...large].map((memory) => memory instanceof SharedArrayBuffer)).toEqual(
      Array(large.size).fill(isShared),
    );
    expect(large.size).toBeGreaterThan(0);
  });

  it("has pieces of 1 MiB when it fills those of 256 KiB, as long as no eight others have", async () => {
    const bytes = Buffer.alloc(8 * 1024 * 1024, "x");
    const pool = await poolOf((_request, response) => {
      response.writeHead(200, { "content-length": bytes.length }).end(bytes);
    });
    const wide = new WideBodies(systemClock.after);
    const largest = async (): Promise<number> => {
      const exchange = new OneAnswer({ ...options, wide, clock: new SteppedClock() });
      pool.dispatch({ path: "/", method: "GET" }, exchange);
      const { body } = await exchange.response;
      const lengths: number[] = [];
      for await (const piece of body) {
        lengths.push(piece.length);
        body.giveBack?.(piece);
      }
      expect(lengths.reduce((sum, length) => sum + length)).toBe(bytes.length);
      return Math.max(...lengths);
    };
    expect(await largest()).toBe(1024 * 1024);
    const others = Array.from({ length: 9 }, () => wide.enter());
    expect(others).toEqual([...Array(8).fill(true), false]);
    expect(await largest()).toBe(256 * 1024);
    wide.leave();
    expect(await largest()).toBe(1024 * 1024);
  });

  it("takes no place among the fast ones once it is over", async () => {
    const bytes = Buffer.alloc(4 * 1024 * 1024, "x");
    const pool = await poolOf((_request, response) => {
      response.writeHead(200, { "content-length": bytes.length }).end(bytes);
    });
    const wide = new WideBodies(systemClock.after);
    for (let others = 0; others < 7; others += 1) wide.enter();
    const exchange = new OneAnswer({ ...options, wide, clock: new SteppedClock() });
    pool.dispatch({ path: "/", method: "GET" }, exchange);
    const { body } = await exchange.response;
    for await (const piece of body) {
      const isFull = piece.length === 256 * 1024;
      if (isFull) body.destroy();
      body.giveBack?.(piece);
      if (isFull) break;
    }
    expect([wide.enter(), wide.enter()]).toEqual([true, false]);
  });

  it("keeps nobody waiting for more when little comes", async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const pool = await poolOf((_request, response) => {
      response.write("first");
      asked.resolve(response);
    });
    const clock = new SteppedClock();
    const exchange = new OneAnswer({ ...options, clock });
    pool.dispatch({ path: "/", method: "GET" }, exchange);
    const { body } = await exchange.response;
    const pieces = body[Symbol.asyncIterator]();
    expect(String((await pieces.next()).value)).toBe("first");
    const next = pieces.next();
    (await asked.promise).write("second");
    let came = "";
    const arrival = next.then(({ value }) => {
      came = String(value);
    });
    // What is waited for may be the first piece still: time goes on until the second is there.
    await eventually(() => {
      clock.pass(2);
      expect(came).toBe("second");
    });
    await arrival;
    body.destroy();
  });

  it("leaves no listener on the caller's signal once its body has ended", async () => {
    const pool = await poolOf((_request, response) => response.end("ok"));
    const stop = new AbortController();
    const exchange = new OneAnswer({ ...options, signal: stop.signal });
    pool.dispatch({ path: "/", method: "GET" }, exchange);
    const { body } = await exchange.response;
    await readAll(body);
    await eventually(() => body.closed);
    stop.abort();
    expect(body.errored).toBeNull();
  });

  it("that undici will not send is a PROTOCOL failure", async () => {
    const pool = await poolOf(() => undefined);
    const exchange = new OneAnswer(options);
    pool.dispatch({ path: "/ x", method: "GET" }, exchange);
    expect(await rejection(exchange.response)).toMatchObject({ code: "PROTOCOL" });
  });
});

describe("an answer that comes byte by byte", () => {
  it("takes no more memory from who keeps all of it than a few times its length", async () => {
    let response: ServerResponse | undefined;
    const pool = await poolOf((_request, opened) => {
      opened.flushHeaders();
      response = opened;
    });
    const exchange = new OneAnswer(options);
    pool.dispatch({ path: "/", method: "GET" }, exchange);
    const { body } = await exchange.response;
    const pieces: Buffer[] = [];
    const reading = (async () => {
      for await (const piece of body) pieces.push(piece);
    })();
    for (let sent = 1; sent <= 40; sent += 1) {
      response?.write("x");
      await eventually(() => expect(pieces).toHaveLength(sent));
    }
    response?.end();
    await reading;
    // The first is in memory that it shares with what comes and goes.
    expect(memoryOf(pieces.slice(1))).toBeLessThan(1_000);
  });
});
