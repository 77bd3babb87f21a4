/**
 * Writes an answer piece by piece, the next one only once the last has left: a client that stops
 * reading costs one piece, and after a while its connection. The head goes out with the first
 * piece, so that what fails before it can still be answered cleanly.
 */
import type { ServerResponse } from "node:http";
import { ClientGone } from "./client-gone.ts";
import type { SendWatch } from "./send-watch.ts";

export type BodyWriterOptions = {
  readonly status: number;
  /** Name, value, name, value … */
  readonly fields: string[];
  /** Tells when one piece takes too long. */
  readonly watch: SendWatch;
  /** Milliseconds after which the head goes out alone; undefined when the first piece is at hand. */
  readonly headDelay: number | undefined;
  /** Called once, when there is a first piece to be sent. */
  readonly onBegun: () => void;
  /** Hears of each piece that has left. */
  readonly onSent: (bytes: number) => void;
};

export class BodyWriter {
  readonly #response: ServerResponse;
  readonly #options: BodyWriterOptions;
  readonly #headTimer: NodeJS.Timeout | undefined;
  #fail: ((error: Error) => void) | undefined;
  #hasBegun = false;

  constructor(response: ServerResponse, options: BodyWriterOptions) {
    this.#response = response;
    this.#options = options;
    if (options.headDelay !== undefined) {
      this.#headTimer = setTimeout(() => {
        this.#writeHead();
        response.flushHeaders();
      }, options.headDelay);
    }
    response.once("close", this.#onClose);
  }

  /** Resolves when the system has taken all of it; the chunk may then be written over. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#begin();
    await this.#settle((done) => this.#response.write(chunk, done));
    this.#options.onSent(chunk.length);
  }

  /** Ends the body, with a last piece when given. */
  async end(chunk?: Uint8Array): Promise<void> {
    if (chunk !== undefined) this.#begin();
    await this.#settle((done) => {
      if (chunk === undefined) this.#response.end(() => done());
      else this.#response.end(chunk, () => done());
    });
    if (chunk !== undefined) this.#options.onSent(chunk.length);
  }

  /** Stops the clocks; to be called however the body ends. */
  close(): void {
    clearTimeout(this.#headTimer);
    this.#options.watch.end(this.#onLate);
    this.#response.off("close", this.#onClose);
  }

  #begin(): void {
    if (!this.#hasBegun) this.#options.onBegun();
    this.#hasBegun = true;
  }

  #settle(write: (done: (error?: Error | null) => void) => void): Promise<void> {
    if (this.#response.destroyed) return Promise.reject(new ClientGone("LEFT"));
    this.#writeHead();
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#options.watch.begin(this.#onLate);
      write((error) => {
        this.#options.watch.end(this.#onLate);
        this.#fail = undefined;
        if (error) reject(new ClientGone("LEFT", { cause: error }));
        else resolve();
      });
    });
  }

  #writeHead(): void {
    if (this.#response.headersSent) return;
    clearTimeout(this.#headTimer);
    this.#response.writeHead(this.#options.status, this.#options.fields);
  }

  readonly #onLate = (): void => {
    this.#fail?.(new ClientGone("STOPPED_READING"));
    cut(this.#response);
  };

  readonly #onClose = (): void => {
    // Node forgets the callbacks of what was waiting for a socket that is gone.
    this.#fail?.(new ClientGone("LEFT"));
  };
}

/** Breaks the connection off, so that no client can take what it got for the whole. */
export function cut(response: ServerResponse): void {
  const { socket } = response;
  if (socket === null) response.destroy();
  else if ("encrypted" in socket) socket.destroy();
  else socket.resetAndDestroy();
}
