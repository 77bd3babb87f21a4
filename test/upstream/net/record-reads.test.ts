import { createHash, randomBytes } from "node:crypto";
import { createServer as createHttpsServer } from "node:https";
import { setImmediate as turn } from "node:timers/promises";
import { createServer, type TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import type { Outgoing } from "../../../src/upstream/net/transport.ts";
import type { AnswerBody } from "../../../src/upstream/registry-client.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { seeds } from "../../support/seeds.ts";
import { buildRig, listening, outgoing, readAll, rejection } from "../rig.ts";

const authority = makeAuthority("Trusted");
const leaf = authority.issue(["reg.test"]);
const mebibyte = 1024 * 1024;

/** Numbers from 0 to below `below`, the same for the same seed. */
function chance(seed: number): (below: number) => number {
  let state = seed + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
}

function rigFor(port: number) {
  const rig = buildRig({
    authorities: [authority.ca],
    names: { "reg.test": ["127.0.0.1"] },
    named: [`reg.test:${port}`],
  });
  const address = { host: "reg.test", port };
  const send = (changes: Partial<Outgoing> = {}) =>
    rig.transport.send(outgoing(address, { scheme: "https", ...changes }));
  return { ...rig, send };
}

/** A peer that speaks for itself, from its first request on. */
async function speaking(speak: (peer: TLSSocket, nth: number) => void) {
  const peers: TLSSocket[] = [];
  const server = createServer(leaf, (peer) => {
    peers.push(peer);
    peer.on("error", () => undefined);
    let count = 0;
    peer.on("data", (request) => {
      if (request.includes("GET ")) speak(peer, ++count);
    });
  });
  const { port } = await listening(server);
  return { ...rigFor(port), peers };
}

/** All of it, with pauses between, each piece given back once it was copied. */
async function readSlowly(body: AnswerBody, isSlow: () => boolean): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of body) {
    if (isSlow()) for (let turns = 0; turns < 20; turns++) await turn();
    pieces.push(Buffer.from(piece));
    piece.fill(0);
    body.giveBack?.(piece);
  }
  return Buffer.concat(pieces);
}

describe("an answer over TLS", () => {
  it.each(seeds)("comes byte for byte, however it is written and read (%i)", async (seed) => {
    const next = chance(seed);
    const bytes = randomBytes(1 + next(2 * mebibyte));
    const server = createHttpsServer(leaf, (_request, response) => {
      const hasLength = next(2) === 0;
      if (hasLength) response.setHeader("content-length", bytes.length);
      else response.setHeader("trailer", "x-sum");
      for (let at = 0; at < bytes.length; ) {
        const length = next(3) === 0 ? 1 + next(900) : 1 + next(200_000);
        response.write(bytes.subarray(at, at + length));
        at += length;
      }
      if (!hasLength) response.addTrailers({ "x-sum": "x".repeat(next(2_000)) });
      response.end();
    });
    let connections = 0;
    server.on("secureConnection", () => {
      connections += 1;
    });
    const { port } = await listening(server);
    const { send } = rigFor(port);
    for (let request = 0; request < 2; request++) {
      const { body } = await send();
      const read = await readSlowly(body, () => next(4) === 0);
      expect(read.equals(bytes)).toBe(true);
      // Undici takes a turn until it uses a connection again.
      for (let turns = 0; turns < 5; turns++) await turn();
    }
    expect(connections).toBe(1);
  });

  it("has every field of a head that comes in many records", async () => {
    const fields = Array.from(
      { length: 900 },
      (_, index) => `x-${index}: ${`${index}`.repeat(30)}`,
    );
    const head = `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${fields.join("\r\n")}\r\n\r\n`;
    const { send } = await speaking((peer) => {
      for (let at = 0; at < head.length; at += 777) peer.write(head.slice(at, at + 777));
      peer.write("ok");
    });
    for (let request = 0; request < 2; request++) {
      const { headers, body } = await send();
      expect(head.length).toBeGreaterThan(64 * 1024);
      for (let index = 0; index < 900; index++)
        expect(headers.get(`x-${index}`)).toEqual([`${index}`.repeat(30)]);
      expect(String(await readAll(body))).toBe("ok");
    }
  });

  it("waits for a reader who has stopped, and is held no further than a little", async () => {
    const bytes = randomBytes(24 * mebibyte);
    const { send, peers } = await speaking((peer) => {
      peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n`);
      peer.write(bytes);
    });
    const { body } = await send();
    await eventually(() => expect(body.readableLength).toBeGreaterThan(0));
    const heap = (): number => process.memoryUsage().arrayBuffers;
    const before = heap();
    for (let turns = 0; turns < 200; turns++) await turn();
    expect(heap() - before).toBeLessThan(2 * mebibyte);
    expect(peers[0]?.writableLength).toBeGreaterThan(mebibyte);
    expect((await readAll(body)).equals(bytes)).toBe(true);
  });

  it.each([
    ["ends with", "Connection: close"],
    ["is followed by the end of", `Content-Length: ${3 * mebibyte}`],
  ])("that %s the connection is whole, though its reader is late", async (_what, field) => {
    const bytes = randomBytes(3 * mebibyte);
    const { send, peers } = await speaking((peer) => {
      peer.write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`);
      peer.end(bytes);
    });
    const { body } = await send();
    const read = await readSlowly(body, () => true);
    expect(read.equals(bytes)).toBe(true);
    expect(peers).toHaveLength(1);
  });

  it("comes byte for byte in chunks that lie across records, to a reader who stops", async () => {
    const bytes = randomBytes(4 * mebibyte);
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 1_000) {
      const chunk = bytes.subarray(at, at + 1_000);
      chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n"));
    }
    const sent = Buffer.concat([...chunks, Buffer.from("0\r\n\r\n")]);
    const { send } = await speaking((peer) => {
      peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      peer.write(sent);
    });
    const read = await readSlowly((await send()).body, () => true);
    expect(read.equals(bytes)).toBe(true);
  });

  it("that breaks off gives what came, and then its failure", async () => {
    const bytes = randomBytes(mebibyte);
    const { send } = await speaking((peer) => {
      peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${2 * mebibyte}\r\n\r\n`);
      peer.end(bytes);
    });
    const { body } = await send();
    const pieces: Buffer[] = [];
    const read = async (): Promise<void> => {
      for await (const piece of body) pieces.push(piece);
    };
    expect(await rejection(read())).toMatchObject({ code: "RESET" });
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  it("that nobody asked for is never taken for the next one", async () => {
    const { send, peers } = await speaking((peer, nth) => {
      peer.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${nth === 1 ? "ok" : "no"}`);
    });
    expect(String(await readAll((await send()).body))).toBe("ok");
    peers[0]?.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    await eventually(() => expect(peers[0]?.closed).toBe(true));
    expect(String(await readAll((await send()).body))).toBe("ok");
    expect(peers).toHaveLength(2);
  });

  it("is left in the middle: the connection closes", async () => {
    const { send, peers } = await speaking((peer) => {
      peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${8 * mebibyte}\r\n\r\n`);
      peer.write(randomBytes(8 * mebibyte));
    });
    const leaving = new AbortController();
    const { body } = await send({ signal: leaving.signal });
    const sum = createHash("sha256");
    const read = async (): Promise<void> => {
      for await (const piece of body) {
        sum.update(piece);
        leaving.abort();
      }
    };
    expect(await rejection(read())).toMatchObject({ code: "ABORTED" });
    await eventually(() => expect(peers[0]?.closed).toBe(true));
  });
});
