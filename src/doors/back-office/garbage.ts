/** `/api/v1/gc`: what nobody needs of what was pushed here goes, or is only told. */
import type { FastifyInstance } from "fastify";
import { schemaOf } from "./answers.ts";
import type { Operations } from "./operations.ts";

const body = {
  type: "object",
  additionalProperties: false,
  properties: {
    dryRun: { type: "boolean", default: false, description: "Only say what would go." },
    untaggedAfter: {
      type: "integer",
      minimum: 0,
      description: "Milliseconds after which a manifest without a tag goes; left out, it stays.",
    },
  },
} as const;

type Body = { readonly dryRun: boolean; readonly untaggedAfter?: number };

export function addGarbage(
  app: FastifyInstance,
  operations: Pick<Operations, "collectGarbage">,
): void {
  const summary = "Collects the garbage of what was pushed here, and says what went and why.";
  const schema = schemaOf("gc", summary, { security: [{ token: [] }], body });
  app.post<{ Body: Body }>("/api/v1/gc", schema, ({ body: asked }) =>
    operations.collectGarbage({ isDry: asked.dryRun, untaggedAfter: asked.untaggedAfter }),
  );
}
