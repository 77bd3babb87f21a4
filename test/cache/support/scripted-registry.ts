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
    const asked = script.ignoreRange ? undefined : rangeStart(request);
    const status = script.status ?? statusFor(asked, size);
    if (status >= 300) {
      seen.isEnded = true;
      const contentRange = status === 416 ? `bytes */${size}` : undefined;
      const headers = headerList({ "content-range": contentRange });
      return { status, headers, body: Readable.from([]) };
    }
    const start = status === 206 ? (asked ?? 0) + (script.wrongRange ?? 0) : 0;
    const pieces = this.#pieces(start, script, seen, signal);
    const body = Readable.from(pieces, { highWaterMark: 1 });
    body.on("error", () => undefined);
    body.on("close", () => {
      seen.isEnded = true;
    });
    signal.addEventListener("abort", () => body.destroy(abortError()), { once: true });
    return { status, headers: headersOf(script, size, status === 206 ? start : undefined), body };
  }

  async *#pieces(
    start: number,
    script: Script,
    seen: Seen,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const bytes = Buffer.concat([this.#content, Buffer.alloc(script.extra ?? 0)]);
    const { cutAt = bytes.length, endAt = bytes.length, corruptAt, stallAt } = script;
    if (corruptAt !== undefined) bytes[corruptAt] = (bytes[corruptAt] ?? 0) ^ 1;
    const end = Math.min(cutAt, endAt, bytes.length);
    let at = start;
    while (at < end) {
      if (at === stallAt) await unlessAborted(script.gate, signal);
      const stop = stallAt !== undefined && stallAt > at ? Math.min(stallAt, end) : end;
      const next = Math.min(at + (script.piece ?? 64 * 1024), stop);
      seen.sent += next - at;
      yield bytes.subarray(at, next);
      at = next;
    }
    if (at === stallAt) await unlessAborted(script.gate, signal);
    if (script.cutAt !== undefined) throw new UpstreamError("RESET", "test", "cut");
  }
}

function headersOf(script: Script, size: number, start: number | undefined): HeaderList {
  const declared = size + (script.lie ?? 0);
  const total = script.noLength ? "*" : declared;
  return headerList({
    "content-type": script.contentType ?? "application/octet-stream",
    "content-length": script.noLength ? undefined : String(declared - (start ?? 0)),
    "content-range": start === undefined ? undefined : `bytes ${start}-${declared - 1}/${total}`,
  });
}

function rangeStart(request: RegistryRequest): number | undefined {
  const range = /^bytes=(\d+)-$/.exec(headerValue(request.headers, "range") ?? "");
  return range === null ? undefined : Number(range[1]);
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
