/**
 * Keeps what was pushed as it is while a backup is taken of it: for as long as the answer is read, so
 * that a backup that was broken off holds nothing up.
 */
import type { FastifyInstance } from "fastify";
import { HeldAnswers } from "./held-answers.ts";
import type { Operations } from "./operations.ts";

/** Returns what ends those that are open. */
export function addBackups(
  app: FastifyInstance,
  operations: Pick<Operations, "keepForBackup">,
): () => void {
  const answers = new HeldAnswers(4);
  const summary =
    "Keeps what was pushed as it is until the answer is closed, for `entrepot backup`.";
  const schema = { summary, security: [{ token: [] }] };
  app.post("/api/v1/backups", { schema: schema as object }, async (_request, reply) => {
    if (answers.isFull) {
      return reply.code(503).send({ error: "other backups are being taken; wait for one to end" });
    }
    await answers.answer(reply, async () => {
      const { records, release } = await operations.keepForBackup();
      return { told: { records }, release };
    });
  });
  return () => answers.end();
}
