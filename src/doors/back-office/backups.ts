/**
 * Keeps what was pushed as it is while a backup is taken of it: for as long as the answer is read, so
 * that a backup that was broken off holds nothing up.
 */
import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import type { Operations } from "./operations.ts";

const most = 4;

/** Returns what ends those that are open. */
export function addBackups(
  app: FastifyInstance,
  operations: Pick<Operations, "keepForBackup">,
): () => void {
  const open = new Set<ServerResponse>();
  const summary =
    "Keeps what was pushed as it is until the answer is closed, for `entrepot backup`.";
  const schema = { summary, security: [{ token: [] }] };
  app.post("/api/v1/backups", { schema: schema as object }, async (_request, reply) => {
    if (open.size >= most) {
      return reply.code(503).send({ error: "other backups are being taken; wait for one to end" });
    }
    open.add(reply.raw);
    try {
      const { records, release } = await operations.keepForBackup();
      reply.hijack();
      await held(reply.raw, { records });
      await release();
    } finally {
      open.delete(reply.raw);
    }
  });
  return () => {
    for (const response of open) response.destroy();
  };
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
