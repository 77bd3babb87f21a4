/**
 * One request and its answer on an undici connection, as a handler of undici's: keeps time until the
 * headers are there, turns the body into a stream, and every failure into an UpstreamError.
 */

import type { Socket } from "node:net";
import { type Duplex, Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { endToEnd, headerValue, parseRawHeaders } from "../../protocol/http/header-list.ts";
import type { Clock } from "../../runtime/clock.ts";
import { afterWaiting } from "../../runtime/deadline.ts";
import type { RegistryResponse } from "../registry-client.ts";
import { abortedError } from "../upstream-deadline.ts";
import { UpstreamError } from "../upstream-error.ts";
import { exchangeError, headError, lengthError } from "./network-error.ts";
import { ResponseBody } from "./response-body.ts";
import type { WideBodies } from "./wide-bodies.ts";

export type OneAnswerOptions = {
  readonly host: string;
  readonly method: string;
  readonly hasBody: boolean;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly wide: WideBodies;
  /** Until the connection stands; the connector's own limit where it is undefined. */
  readonly connectMs: number | undefined;
  /** From the start to the headers; with a body from its last byte on; may be infinite. */
  readonly headersMs: number;
  /** The longest that a request's body may stand still. */
  readonly uploadIdleMs: number;
  /** Hears of bytes of the body as they come, and of its end. */
  readonly onReceived?: (bytes: number, isEnd: boolean) => void;
  /** Nothing more comes; may be called more than once. */
  readonly onOver?: () => void;
};

/** What came back: an answer, or with 101 the connection itself, with all that follows on it. */
export type Answered = RegistryResponse & { readonly switched?: Socket };

export class OneAnswer implements Dispatcher.DispatchHandler {
  readonly response: Promise<Answered>;
  readonly #options: OneAnswerOptions;
  readonly #settle = Promise.withResolvers<Answered>();
  #controller: Dispatcher.DispatchController | undefined;
  #body: ResponseBody | undefined;
  #failure: UpstreamError | undefined;
  #stopWaiting: (() => void) | undefined;
  readonly #stopConnecting: (() => void) | undefined;

  constructor(options: OneAnswerOptions) {
    this.#options = options;
    this.response = this.#settle.promise;
    const { clock, host, connectMs, headersMs, hasBody, signal } = options;
    if (!hasBody) this.#wait(headersMs, `${host} sent no headers`);
    if (connectMs !== undefined && connectMs < headersMs) {
      this.#stopConnecting = afterWaiting(clock, connectMs, () => {
        this.#fail(timeoutError(host, `${host} could not be connected to`, connectMs));
      });
    }
    signal.addEventListener("abort", this.#abort, { once: true });
    if (signal.aborted) this.#abort();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#stopConnecting?.();
    if (this.#failure !== undefined) controller.abort(this.#failure);
    else if (this.#options.hasBody) this.#watchUpload();
  }

  onBodySent(): void {
    if (this.#options.hasBody && this.#body === undefined) this.#watchUpload();
  }

  onRequestSent(): void {
    const { hasBody, headersMs, host } = this.#options;
    if (hasBody && this.#body === undefined) this.#wait(headersMs, `${host} sent no headers`);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    this.#stopWaiting?.();
    const fields = parseRawHeaders(rawHeaders(controller.rawHeaders));
    // Undici counts blanks after it as digits, and would find the body too short.
    if (fields.get("content-length")?.every((length) => /^\d+$/.test(length)) === false) {
      this.#fail(lengthError(this.#options.host));
      return;
    }
    const { clock, wide, onReceived } = this.#options;
    const release = (): void => {
      this.#release();
      onReceived?.(0, true);
    };
    const size = Number(headerValue(fields, "content-length") ?? 0);
    this.#body = new ResponseBody({ controller, release, after: clock.after, size, wide });
    this.#settle.resolve({ status, headers: endToEnd(fields), body: this.#body });
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    this.#release();
    if (this.#failure !== undefined) return void socket.destroy();
    const headers = endToEnd(parseRawHeaders(rawHeaders(controller.rawHeaders)));
    // It is the one that our connector made.
    const switched = socket as Socket;
    this.#settle.resolve({ status, headers, body: Readable.from([]), switched });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#options.onReceived?.(chunk.length, false);
    this.#body?.gather(chunk);
  }

  onResponseEnd(): void {
    this.#options.onOver?.();
    this.#body?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const explain = this.#body === undefined ? headError : exchangeError;
    this.#fail(this.#failure ?? explain(this.#options.host, error), true);
  }

  readonly #abort = (): void => this.#fail(abortedError(this.#options.host, this.#options.signal));

  #watchUpload(): void {
    const { host, uploadIdleMs } = this.#options;
    this.#wait(uploadIdleMs, `nothing could be sent to ${host}`);
  }

  #wait(milliseconds: number, what: string): void {
    this.#stopWaiting?.();
    if (milliseconds === Number.POSITIVE_INFINITY) return;
    this.#stopWaiting = afterWaiting(this.#options.clock, milliseconds, () => {
      this.#fail(timeoutError(this.#options.host, what, milliseconds));
    });
  }

  /** `isOver`: nothing more comes anyway, so what came may be read. */
  #fail(error: UpstreamError, isOver = false): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#release();
    this.#settle.reject(error);
    // Undici tells us of the end once more, which is then no news.
    if (this.#body === undefined) this.#controller?.abort(error);
    else if (isOver) this.#body.fail(error);
    else this.#body.destroy(error);
  }

  #release(): void {
    this.#options.onOver?.();
    this.#stopWaiting?.();
    this.#stopConnecting?.();
    this.#options.signal.removeEventListener("abort", this.#abort);
  }
}

function timeoutError(host: string, what: string, milliseconds: number): UpstreamError {
  const seconds = Math.round(milliseconds / 100) / 10;
  return new UpstreamError("TIMEOUT", host, `${what} within ${seconds} s`);
}

/** Undici's HTTP/1.1 parser gives buffers; Latin-1 keeps every byte as it came. */
function rawHeaders(raw: Dispatcher.DispatchController["rawHeaders"]): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((field) => (typeof field === "string" ? field : field.toString("latin1")));
}
