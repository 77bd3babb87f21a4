/** Writes one answer of a fake registry, with the faults it was told to have. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { type Encoding, type Fault, faultOf } from "./fault.ts";

/** What a well-behaved registry would say. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
  /** Whether a Range header is obeyed. */
  readonly hasRanges?: boolean;
};

export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly faults: readonly Fault[];
  /** Told for every piece handed to the socket. */
  readonly onSent: (bytes: number) => void;
};

/** Never rejects: whoever hangs up early simply gets no more. */
export async function writeAnswer(exchange: Exchange, answer: Answer): Promise<void> {
  const { request, response, faults } = exchange;
  await faultOf(faults, "holdHeaders")?.gate.pass();
  if (faultOf(faults, "reset") !== undefined) {
    request.socket.resetAndDestroy();
    return;
  }
  const part = partOf(replaced(answer, faults, request.url ?? "/"), request, faults);
  const lie = faultOf(faults, "lieAboutLength")?.by ?? 0;
  const fields: Record<string, string | string[] | undefined> = {
    ...part.headers,
    "content-length": String(part.body.length + lie),
    ...faultOf(faults, "headers")?.headers,
  };
  if (faultOf(faults, "noLength") !== undefined) delete fields["content-length"];
  if (lie !== 0) fields.connection = "close";
  response.writeHead(
    part.status,
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
  );
  if (request.method === "HEAD") response.end();
  else if (await writeBody(exchange, part)) {
    if (lie !== 0) response.socket?.destroySoon();
    else response.end();
  }
}

type Part = Answer & { readonly start: number };

function replaced(answer: Answer, faults: readonly Fault[], path: string): Answer {
  const other = faultOf(faults, "status");
  if (other !== undefined) {
    return { status: other.status, headers: other.headers, body: Buffer.from(other.body) };
  }
  const elsewhere = faultOf(faults, "redirect");
  if (elsewhere === undefined) return answer;
  const url = typeof elsewhere.url === "string" ? elsewhere.url : elsewhere.url(path);
  return { status: elsewhere.status, headers: { location: url }, body: Buffer.alloc(0) };
}

function partOf(answer: Answer, request: IncomingMessage, faults: readonly Fault[]): Part {
  const encoding = faultOf(faults, "encode")?.encoding;
  if (encoding !== undefined && answer.status === 200) return encoded(answer, encoding);
  const range = request.headers.range;
  const isRanged = range !== undefined && answer.hasRanges === true;
  if (!isRanged || faultOf(faults, "ignoreRange") !== undefined) return { ...answer, start: 0 };
  return ranged(answer, range, faultOf(faults, "wrongRange")?.by ?? 0);
}

function encoded(answer: Answer, encoding: Encoding): Part {
  const body = encoders[encoding](answer.body);
  return {
    ...answer,
    headers: { ...answer.headers, "content-encoding": encoding },
    body,
    start: 0,
  };
}

const encoders: Readonly<Record<Encoding, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};

function ranged(answer: Answer, header: string, shift: number): Part {
  const size = answer.body.length;
  const match = /^bytes=(\d*)-(\d*)$/.exec(header);
  if (match === null || (match[1] === "" && match[2] === "")) return { ...answer, start: 0 };
  const asked = match[1] === "" ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const start = Math.max(0, asked + shift);
  const last = match[1] === "" || match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (start >= size || last < asked) {
    const headers = { "content-range": `bytes */${size}` };
    return { status: 416, headers, body: Buffer.alloc(0), start: 0 };
  }
  const body = answer.body.subarray(start, last + 1);
  const headers = { ...answer.headers, "content-range": `bytes ${start}-${last}/${size}` };
  return { status: 206, headers, body, start };
}

/** False when the connection was ended on the way. */
async function writeBody(exchange: Exchange, part: Part): Promise<boolean> {
  const { response, faults, onSent } = exchange;
  const rate = faultOf(faults, "slow")?.bytesPerSecond;
  // Without this a client would not see the headers before the first byte of a stalled body.
  response.flushHeaders();
  for (const piece of pieces(part, faults)) {
    await piece.gate?.pass();
    if (piece.isCut) {
      response.socket?.destroySoon();
      return false;
    }
    if (rate !== undefined) await pause((piece.bytes.length / rate) * 1_000);
    if (response.destroyed || !(await write(response, piece.bytes))) return false;
    onSent(piece.bytes.length);
  }
  return true;
}

type Piece = { readonly bytes: Buffer; readonly gate?: PassGate; readonly isCut?: boolean };
type PassGate = { pass(): Promise<void> };

/** The body cut up so that every fault falls between two pieces. */
function* pieces(part: Part, faults: readonly Fault[]): Generator<Piece> {
  const { start } = part;
  const body = corrupted(part, faults);
  const end = start + body.length;
  const cut = faultOf(faults, "cutAt")?.at;
  const stall = faultOf(faults, "stallAt");
  const step = pieceSize(faults);
  for (let at = start; at < end || at === cut || at === stall?.at; ) {
    if (cut !== undefined && at >= cut) {
      yield { bytes: Buffer.alloc(0), isCut: true };
      return;
    }
    if (stall !== undefined && at === stall.at) {
      yield { bytes: Buffer.alloc(0), gate: stall.gate };
      if (at >= end) return;
    }
    const stops = [cut, stall?.at, end].filter((stop) => stop !== undefined && stop > at);
    const next = Math.min(at + step, ...(stops as number[]));
    yield { bytes: body.subarray(at - start, next - start) };
    at = next;
  }
}

function pieceSize(faults: readonly Fault[]): number {
  const rate = faultOf(faults, "slow")?.bytesPerSecond;
  const usual = rate === undefined ? 65_536 : Math.max(1, Math.ceil(rate / 50));
  return faultOf(faults, "slice")?.size ?? usual;
}

function corrupted(part: Part, faults: readonly Fault[]): Buffer {
  const at = faultOf(faults, "corruptAt")?.at;
  const index = (at ?? -1) - part.start;
  if (index < 0 || index >= part.body.length) return part.body;
  const copy = Buffer.from(part.body);
  copy[index] = 0xff ^ (copy[index] ?? 0);
  return copy;
}

function write(response: ServerResponse, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    // The callback of a write is not called when the socket is destroyed under it.
    const gone = () => resolve(false);
    response.once("close", gone);
    response.write(bytes, (error) => {
      response.off("close", gone);
      resolve(error === null || error === undefined);
    });
  });
}
