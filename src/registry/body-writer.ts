/**
 * Writes a body piece by piece, the next one only once the last has left: a client that stops
 * reading costs one piece, and after a while its connection.
 */
import type { ServerResponse } from "node:http";

export class BodyWriter {
  readonly #response: ServerResponse;
  readonly #sendIdle: number;
  readonly #onSent: (bytes: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #fail: ((error: Error) => void) | undefined;

  /** `sendIdle`: milliseconds that one piece may take. `onSent` hears of each piece that has left. */
  constructor(response: ServerResponse, sendIdle: number, onSent: (bytes: number) => void) {
    this.#response = response;
    this.#sendIdle = sendIdle;
    this.#onSent = onSent;
    response.once("close", this.#onClose);
  }

  /** Resolves when the system has taken all of it; the chunk may then be written over. */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#settle((done) => this.#response.write(chunk, done));
    this.#onSent(chunk.length);
  }

  /** Ends the body, with a last piece when given. */
  async end(chunk?: Uint8Array): Promise<void> {
    await this.#settle((done) => {
      if (chunk === undefined) this.#response.end(() => done());
      else this.#response.end(chunk, () => done());
    });
    if (chunk !== undefined) this.#onSent(chunk.length);
  }

  /** Stops the clock; to be called however the body ends. */
  close(): void {
    clearTimeout(this.#timer);
    this.#response.off("close", this.#onClose);
  }

  #settle(write: (done: (error?: Error | null) => void) => void): Promise<void> {
    if (this.#response.destroyed) return Promise.reject(clientLeft());
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#wind();
      write((error) => {
        this.#fail = undefined;
        if (error) reject(clientLeft(error));
        else resolve();
      });
    });
  }

  /** One timer a body, wound up again for each piece; between pieces it may ring unheard. */
  #wind(): void {
    this.#timer ??= setTimeout(() => {
      if (this.#fail !== undefined) cut(this.#response);
    }, this.#sendIdle).unref();
    this.#timer.refresh();
  }

  readonly #onClose = (): void => {
    // Node forgets the callbacks of what was waiting for a socket that is gone.
    this.#fail?.(clientLeft());
  };
}

/** Breaks the connection off, so that no client can take what it got for the whole. */
export function cut(response: ServerResponse): void {
  const { socket } = response;
  if (socket === null) response.destroy();
  else if ("encrypted" in socket) socket.destroy();
  else socket.resetAndDestroy();
}

function clientLeft(cause?: Error): Error {
  return new Error("the client left", { cause });
}
