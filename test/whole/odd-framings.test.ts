/** A registry that frames what it sends in every way HTTP/1.1 allows, and blobs of the sizes where things change. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type DigestAlgorithm, digestOf } from "../../src/protocol/digest.ts";
import { eventually } from "../support/eventually.ts";
import { viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { type Program, Scene } from "./support/program.ts";

let scene: Scene;
let upstream: EvilServer;
let program: Program;

beforeAll(async () => {
  scene = await Scene.open();
  upstream = await evilServer(scene, "odd.test");
  program = await scene.start({ REGISTRIES: upstream.name });
});

beforeEach(() => {
  upstream.heard.length = 0;
});

afterAll(async () => {
  await scene.close();
  upstream.close();
});

/** Writes an answer with this body, head and all. */
type Framing = (socket: Socket, body: Buffer) => void;

const withLength: Framing = (socket, body) => {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
  socket.write(body);
};

const framings: readonly (readonly [string, Framing])[] = [
  ["with its length", withLength],
  [
    "in chunks",
    (socket, body) => {
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (let at = 0; at < body.length; at += 10_000) {
        const piece = body.subarray(at, at + 10_000);
        socket.write(`${piece.length.toString(16)};a=b\r\n`);
        socket.write(piece);
        socket.write("\r\n");
      }
      socket.write("0\r\nX-Trailer: 1\r\n\r\n");
    },
  ],
  [
    "up to the end of the connection",
    (socket, body) => {
      socket.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
      socket.end(body);
    },
  ],
  [
    "after 102 and 103",
    (socket, body) => {
      socket.write("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
      withLength(socket, body);
    },
  ],
];

const sizes = [0, 1, 65_535, 65_536, 65_537, 300_000];
const algorithms: readonly DigestAlgorithm[] = ["sha256", "sha512"];

/** Answers every GET so, and HEAD with a length that is not true. */
function answerWith(framing: Framing, body: Buffer): void {
  upstream.answer = ({ method, socket }: IncomingMessage) => {
    if (method === "GET") framing(socket, body);
    else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
  };
}

/** Not those for the first byte of the empty blob, which is the same in all repositories. */
const bodyGets = () => upstream.heard.filter((text) => /^GET(?!.*\nrange\n)/is.test(text)).length;

describe.each(framings)("a blob sent %s", (framing, frame) => {
  for (const algorithm of algorithms)
    it.each(sizes)(`of %i bytes under a ${algorithm} is fetched once, and kept`, async (size) => {
      const body = Buffer.alloc(size, `${framing} `);
      answerWith(frame, body);
      const path = `/v2/${framing.replaceAll(" ", "-")}/blobs/${digestOf(body, algorithm)}`;
      const answers = await Promise.all(
        [1, 2, 3].map(() => viaProxy(program, upstream.name, path)),
      );
      for (const answer of answers) {
        expect(answer.status).toBe(200);
        expect(answer.body.equals(body)).toBe(true);
      }
      await eventually(async () => {
        const again = await viaProxy(program, upstream.name, path);
        expect(again.body.equals(body)).toBe(true);
        expect(again.headers["cache-status"]).toBe("entrepot; hit");
        expect(again.headers["content-length"]).toBe(String(size));
      });
      expect(bodyGets()).toBeLessThanOrEqual(1);
    });

  it("that ends too early is nobody's, whole or from somewhere on", async () => {
    const body = Buffer.alloc(200_000, `${framing}, cut `);
    answerWith(frame, body.subarray(0, 150_000));
    const path = `/v2/cut/blobs/${digestOf(body)}`;
    const ranges = [undefined, "bytes=0-", "bytes=100000-"];
    const ends = await Promise.allSettled(
      ranges.map((range) =>
        viaProxy(program, upstream.name, path, { headers: range === undefined ? {} : { range } }),
      ),
    );
    for (const end of ends) expect(end.status === "rejected" || end.value.status >= 400).toBe(true);
    answerWith(frame, body);
    expect((await viaProxy(program, upstream.name, path)).body.equals(body)).toBe(true);
  });
});
