/**
 * Answers that stay open for as long as somebody relies on what they said: who ends, or is ended, without
 * a word holds nothing up.
 */
import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";

export class HeldAnswers {
  readonly #most: number;
  readonly #open = new Set<ServerResponse>();

  /** So many at a time. */
  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#open.size >= this.#most;
  }

  /** `begin` gives what is told first, and what is done once nobody reads the answer any more. */
  async answer(
    reply: FastifyReply,
    begin: () => Promise<{ readonly told: object; readonly release: () => Promise<void> }>,
  ): Promise<void> {
    this.#open.add(reply.raw);
    try {
      const { told, release } = await begin();
      reply.hijack();
      await held(reply.raw, told);
      await release();
    } finally {
      this.#open.delete(reply.raw);
    }
  }

  /** Closes those that are open. */
  end(): void {
    for (const response of this.#open) response.destroy();
  }
}

/** Resolves once nobody reads it any more. */
function held(response: ServerResponse, told: object): Promise<void> {
  return new Promise((resolve) => {
    response.once("close", resolve);
    if (response.destroyed) return resolve();
    response.writeHead(200, { "Content-Type": "application/x-ndjson", "X-Accel-Buffering": "no" });
    response.write(`${JSON.stringify(told)}\n`);
  });
}
