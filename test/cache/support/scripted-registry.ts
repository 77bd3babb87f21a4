import { Readable } from "node:stream";
import {
  type HeaderList,
  headerList,
  headerValue,
} from "../../../src/protocol/http/header-list.ts";
import type {
  RegistryClient,
  RegistryRequest,
  RegistryResponse,
} from "../../../src/upstream/registry-client.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";

/** How one request is answered; without anything: rightly. Offsets count from the blob's first byte. */
export type Script = {
  readonly status?: number;
  readonly contentType?: string;
  /** Instead of an answer. */
  readonly fail?: UpstreamError;
  /** Waited for before the headers. */
  readonly holdHeaders?: Promise<unknown>;
  /** The connection breaks here. */
  readonly cutAt?: number;
  /** The body ends here without an error, whatever was declared. */
  readonly endAt?: number;
  /** Nothing more comes from here on until the gate opens; when it rejects, the body fails with that. */
  readonly stallAt?: number;
  readonly gate?: Promise<unknown>;
  readonly corruptAt?: number;
  /** Added to the length declared. */
  readonly lie?: number;
  readonly noLength?: boolean;
  /** Bytes after the last one. */
  readonly extra?: number;
  readonly ignoreRange?: boolean;
  /** Added to the start of the part that is sent. */
  readonly wrongRange?: number;
  /** Bytes a piece. */
  readonly piece?: number;
};

export type Seen = { readonly request: RegistryRequest; sent: number; isEnded: boolean };

/** A registry with one blob, in process, that misbehaves byte for byte as it is told. */
export class ScriptedRegistry implements RegistryClient {
  readonly seen: Seen[] = [];
  readonly #content: Uint8Array;
  readonly #script: (request: RegistryRequest, nth: number) => Script;

  constructor(
    content: Uint8Array,
    script: (request: RegistryRequest, nth: number) => Script = () => ({}),
  ) {
    this.#content = content;
    this.#script = script;
  }

  /** Body bytes sent in all. */
  get sent(): number {
    return this.seen.reduce((sum, { sent }) => sum + sent, 0);
  }

  /** Bodies still open. */
  get open(): number {
    return this.seen.filter(({ isEnded }) => !isEnded).length;
  }

  async send(request: RegistryRequest): Promise<RegistryResponse> {
    const script = this.#script(request, this.seen.length);
    const seen: Seen = { request, sent: 0, isEnded: false };
    this.seen.push(seen);
    try {
      return await this.#answer(request, script, seen);
    } catch (error) {
      seen.isEnded = true;
      throw error;
    }
  }

  async #answer(request: RegistryRequest, script: Script, seen: Seen): Promise<RegistryResponse> {
    const { signal } = request;
    await unlessAborted(script.holdHeaders ?? Promise.resolve(), signal);
    if (script.fail !== undefined) throw script.fail;
    const size = this.#content.length;
    const range = script.ignoreRange ? undefined : rangeOf(request, size);
    const status = script.status ?? statusFor(range?.start, size);
    if (status >= 300) {
      seen.isEnded = true;
      const contentRange = status === 416 ? `bytes */${size}` : undefined;
      const headers = headerList({ "content-range": contentRange });
      return { status, headers, body: Readable.from([]) };
    }
    const part = status === 206 ? shifted(range, script) : undefined;
    const pieces = this.#pieces(part ?? { start: 0, end: size }, script, seen, signal);
    const body = Readable.from(pieces, { highWaterMark: 1 });
    body.on("error", () => undefined);
    body.on("close", () => {
      seen.isEnded = true;
    });
    signal.addEventListener("abort", () => body.destroy(abortError()), { once: true });
    return { status, headers: headersOf(script, size, part), body };
  }

  #bytesOf({ extra = 0, corruptAt }: Script): Uint8Array {
    if (extra === 0 && corruptAt === undefined) return this.#content;
    const bytes = Buffer.concat([this.#content, Buffer.alloc(extra)]);
    if (corruptAt !== undefined) bytes[corruptAt] = (bytes[corruptAt] ?? 0) ^ 1;
    return bytes;
  }

  async *#pieces(
    part: Part,
    script: Script,
    seen: Seen,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const bytes = this.#bytesOf(script);
    const { stallAt } = script;
    // What is told of the blob's end is not told of a part that ends before.
    const last = part.end === this.#content.length ? bytes.length : part.end;
    const { cutAt = last + 1, endAt = last } = script;
    const end = Math.min(cutAt, endAt, last);
    let at = part.start;
    while (at < end) {
      if (at === stallAt) await unlessAborted(script.gate, signal);
      const stop = stallAt !== undefined && stallAt > at ? Math.min(stallAt, end) : end;
      const next = Math.min(at + (script.piece ?? 64 * 1024), stop);
      seen.sent += next - at;
      yield bytes.subarray(at, next);
      at = next;
    }
    if (at === stallAt) await unlessAborted(script.gate, signal);
    if (cutAt <= last) throw new UpstreamError("RESET", "test", "cut");
  }
}

type Part = { readonly start: number; readonly end: number };

function headersOf(script: Script, size: number, part: Part | undefined): HeaderList {
  const declared = size + (script.lie ?? 0);
  const total = script.noLength ? "*" : declared;
  const { start, end } = part ?? { start: 0, end: size };
  // A lie is about the blob: about a part that ends before the blob's end there is none.
  const last = end === size ? declared : end;
  return headerList({
    "content-type": script.contentType ?? "application/octet-stream",
    "content-length": script.noLength ? undefined : String(last - start),
    "content-range": part === undefined ? undefined : `bytes ${start}-${last - 1}/${total}`,
  });
}

function rangeOf(request: RegistryRequest, size: number): Part | undefined {
  const range = /^bytes=(\d+)-(\d*)$/.exec(headerValue(request.headers, "range") ?? "");
  if (range === null) return undefined;
  const end = range[2] === "" ? size : Number(range[2]) + 1;
  return { start: Number(range[1]), end: Math.min(end, size) };
}

function shifted(part: Part | undefined, { wrongRange = 0 }: Script): Part | undefined {
  return part && { start: part.start + wrongRange, end: part.end };
}

function statusFor(asked: number | undefined, size: number): number {
  if (asked === undefined) return 200;
  return asked < size ? 206 : 416;
}

function abortError(): UpstreamError {
  return new UpstreamError("ABORTED", "test", "aborted");
}

async function unlessAborted(work: Promise<unknown> | undefined, signal: AbortSignal) {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(abortError());
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
