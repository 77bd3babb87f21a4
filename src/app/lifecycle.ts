/**
 * From start to stop: a signal ends the run in order and with a deadline, one more, a second later or
 * so, at once. What a failed start has opened is closed again.
 */
import type { EventEmitter } from "node:events";
import type { Application, Started } from "./application.ts";
import type { Log } from "./log.ts";

export type RunParts = {
  readonly log: Log;
  /** The process: SIGTERM, SIGINT, SIGHUP, and what nobody caught. */
  readonly signals: EventEmitter;
  readonly announce: (started: Started) => void;
  /** SIGHUP came. */
  readonly onHangUp: () => void;
  /** Ends the process without further ado. */
  readonly exitNow: (code: number) => void;
  /** Milliseconds, on a clock that does not jump. */
  readonly steady?: () => number;
  /** For what runs to finish; 25 s. */
  readonly deadline?: number;
};

/** After the deadline everything has been cut; what then still hangs is given up. */
const graceAfterDeadline = 3_000;

/** npm passes one Ctrl-C on that the terminal has sent already: a person takes longer for a second one. */
const sameSignalMs = 1_000;

/** Resolves with the exit code once everything is closed. Throws what kept it from starting. */
export async function runUntilStopped(app: Application, parts: RunParts): Promise<number> {
  const run = new Run(app, parts);
  run.listen();
  try {
    await run.start();
    return await run.ended;
  } finally {
    run.unlisten();
  }
}

class Run {
  readonly #app: Application;
  readonly #parts: RunParts;
  readonly #ended = Promise.withResolvers<number>();
  readonly #handlers: readonly (readonly [string, (cause?: unknown) => void])[];
  readonly #steady: () => number;
  #stopping: AbortController | undefined;
  #signalledAt = 0;

  constructor(app: Application, parts: RunParts) {
    this.#app = app;
    this.#parts = parts;
    this.#steady = parts.steady ?? (() => performance.now());
    this.#handlers = [
      ["SIGTERM", () => this.#signalled("SIGTERM")],
      ["SIGINT", () => this.#signalled("SIGINT")],
      ["SIGHUP", () => this.#parts.onHangUp()],
      ["uncaughtException", (cause) => this.#failed(cause)],
      ["unhandledRejection", (cause) => this.#failed(cause)],
    ];
  }

  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  listen(): void {
    for (const [name, handler] of this.#handlers) this.#parts.signals.on(name, handler);
  }

  unlisten(): void {
    for (const [name, handler] of this.#handlers) this.#parts.signals.removeListener(name, handler);
  }

  async start(): Promise<void> {
    try {
      const started = await this.#app.start();
      if (this.#stopping === undefined) this.#parts.announce(started);
    } catch (error) {
      // Stopped while it was starting: that is no failure to tell of.
      if (this.#stopping !== undefined) return;
      await this.#app.stop(AbortSignal.abort());
      throw error;
    }
  }

  #signalled(name: "SIGTERM" | "SIGINT"): void {
    if (this.#stopping !== undefined) {
      if (this.#steady() - this.#signalledAt < sameSignalMs) return;
      this.#parts.exitNow(name === "SIGTERM" ? 143 : 130);
      return;
    }
    this.#signalledAt = this.#steady();
    this.#parts.log.note("info", `${name}: stopping; once more to stop at once`);
    this.#stop(0);
  }

  /** Nobody knows what state we are in: end, but let transfers finish. */
  #failed(cause: unknown): void {
    const error = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    this.#parts.log.note("error", "this is a bug; stopping", { error });
    if (this.#stopping === undefined) this.#stop(1);
  }

  #stop(exitCode: number): void {
    const { deadline = 25_000, exitNow } = this.#parts;
    const stopping = new AbortController();
    this.#stopping = stopping;
    const cut = setTimeout(() => stopping.abort(), deadline);
    const giveUp = setTimeout(() => exitNow(1), deadline + graceAfterDeadline);
    this.#app
      .stop(stopping.signal)
      .then(
        () => this.#ended.resolve(exitCode),
        (error: unknown) => this.#ended.reject(error),
      )
      .finally(() => {
        clearTimeout(cut);
        clearTimeout(giveUp);
      });
  }
}
