/** Registries, and web servers in front of them, that answer parallel ranges of a cold layer in odd ways. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { viaProxy } from "./support/client.ts";
import { evilServer } from "./support/evil-server.ts";
import { Scene } from "./support/program.ts";

const size = 3 * 1024 * 1024;
const layer = Buffer.alloc(size);
for (let at = 0; at < size; at += 4) layer.writeUInt32BE(at, at);
const digest = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
const path = `/v2/team/app/blobs/${digest}`;
const parts = 6;
const step = size / parts;

type Asked = { readonly start: number; readonly end: number };
type Oddity = (asked: Asked, response: ServerResponse) => void;

/** One part of the layer, with these fields instead of the usual ones. */
function give(
  response: ServerResponse,
  { start, end }: Asked,
  fields: Readonly<Record<string, string | string[]>> = {},
): void {
  response.writeHead(206, {
    ...{ "content-range": `bytes ${start}-${end}/${size}`, "content-length": end - start + 1 },
    ...fields,
  });
  response.end(layer.subarray(start, end + 1));
}

function giveAll(response: ServerResponse): void {
  response.writeHead(200, { "content-length": size }).end(layer);
}

const oddities: Readonly<Record<string, Oddity>> = {
  "ignore them": (_, response) => giveAll(response),
  "refuse them": (_, response) =>
    void response.writeHead(416, { "content-range": `bytes */${size}` }).end(),
  "begin a byte early": ({ start, end }, response) =>
    give(response, { start: Math.max(0, start - 1), end: end - 1 }),
  "end early": ({ start, end }, response) => give(response, { start, end: end - 1_000 }),
  "say nothing of where they begin": ({ start, end }, response) => {
    response.writeHead(206, { "content-length": end - start + 1 });
    response.end(layer.subarray(start, end + 1));
  },
  "say another size": ({ start, end }, response) =>
    give(response, { start, end }, { "content-range": `bytes ${start}-${end}/${size + 1}` }),
  "say no size": ({ start, end }, response) =>
    give(response, { start, end }, { "content-range": `bytes ${start}-${end}/*` }),
  "say two places": ({ start, end }, response) =>
    give(
      response,
      { start, end },
      {
        "content-range": [`bytes ${start}-${end}/${size}`, `bytes 0-${end - start}/${size}`],
      },
    ),
  "are in several parts": ({ start, end }, response) => {
    const head = `--x\r\nContent-Range: bytes ${start}-${end}/${size}\r\n\r\n`;
    response.writeHead(206, { "content-type": "multipart/byteranges; boundary=x" });
    response.end(
      Buffer.concat([
        Buffer.from(head),
        layer.subarray(start, end + 1),
        Buffer.from("\r\n--x--\r\n"),
      ]),
    );
  },
  "are packed": ({ start, end }, response) => {
    const bytes = gzipSync(layer.subarray(start, end + 1));
    response.writeHead(206, {
      ...{ "content-range": `bytes ${start}-${end}/${size}`, "content-encoding": "gzip" },
      "content-length": bytes.length,
    });
    response.end(bytes);
  },
  "come in chunks with a trailer": ({ start, end }, response) => {
    response.writeHead(206, { "content-range": `bytes ${start}-${end}/${size}`, trailer: "x-sum" });
    response.write(layer.subarray(start, end + 1));
    response.addTrailers({ "x-sum": "1", "content-range": "bytes 0-0/1" });
    response.end();
  },
  "come with HTTP/1.0, until the connection ends": ({ start, end }, response) => {
    const { socket } = response;
    socket?.write(`HTTP/1.0 206 Partial\r\ncontent-RANGE: bytes ${start}-${end}/${size}\r\n\r\n`);
    socket?.end(layer.subarray(start, end + 1));
  },
  "carry other bytes": ({ start, end }, response) => {
    response.writeHead(206, {
      ...{ "content-range": `bytes ${start}-${end}/${size}`, "content-length": end - start + 1 },
    });
    response.end(Buffer.alloc(end - start + 1, "wrong"));
  },
};

it.each(Object.keys(oddities))("parts that %s make no wrong layer", async (name) => {
  const scene = await Scene.open();
  const registry = await evilServer(scene, "reg.test");
  registry.answer = ({ headers, url, method }: IncomingMessage, response) => {
    if (url === "/v2/") return void response.writeHead(200).end("{}");
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
    if (method === "HEAD" || from === undefined) return giveAll(response);
    const end = to === undefined || to === "" ? size - 1 : Math.min(Number(to), size - 1);
    oddities[name]?.({ start: Number(from), end }, response);
  };
  const program = await scene.start({ REGISTRIES: registry.name });
  const get = (range?: string) =>
    viaProxy(program, registry.name, path, range === undefined ? {} : { headers: { range } }).catch(
      () => undefined,
    );
  const answers = await Promise.all(
    Array.from({ length: parts }, (_, nth) => get(`bytes=${nth * step}-${(nth + 1) * step - 1}`)),
  );
  for (const [nth, answer] of answers.entries()) {
    const right = layer.subarray(nth * step, (nth + 1) * step);
    if (answer?.status === 206 && name !== "carry other bytes") {
      // Of its size a registry is believed until the whole is there.
      const said = `bytes ${nth * step}-${(nth + 1) * step - 1}/`;
      expect(answer.headers["content-range"]?.startsWith(said)).toBe(true);
      expect(answer.body.equals(right), `part ${nth}`).toBe(true);
    }
  }
  const statuses = answers.map((answer) => answer?.status ?? 0);
  // Whoever takes the whole gets the right one, once what was odd has been found out.
  const whole = (await get()) ?? (await get());
  expect(whole?.body.equals(layer), `${statuses} then ${whole?.status}`).toBe(true);
  expect((await get())?.body.equals(layer)).toBe(true);
  registry.close();
});
