/** `/api/v1/removals`: what an image is, before somebody lets it go; and its going. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { RegistryError } from "../../protocol/registry-error.ts";
import { schemaOf } from "./answers.ts";
import { parseImageName, type StandsFor } from "./image-name.ts";
import type { Operations, Removable, Removal } from "./operations.ts";

/** As Docker reads names; without a tag it is the repository. */
function parseRemovable(text: string, standsFor: StandsFor): Removable | undefined {
  const name = parseImageName(text, standsFor) as
    | (Omit<Removable, "reference"> & { readonly reference: string })
    | undefined;
  const hasReference = /[:@][^/]*$/.test(text);
  return name && { ...name, reference: hasReference ? name.reference : undefined };
}

const name = { type: "string", minLength: 1, maxLength: 1_000 } as const;
const asked = {
  type: "object",
  additionalProperties: false,
  required: ["name"],
  properties: { name },
} as const;

type Asked = { readonly name: string };

export function addRemovals(
  app: FastifyInstance,
  operations: Pick<Operations, "removal" | "remove" | "standsFor">,
): void {
  const answer = async (text: string, reply: FastifyReply, work: Work): Promise<unknown> => {
    const what = parseRemovable(text, operations.standsFor);
    if (what === undefined)
      return reply.code(400).send({ error: `${text} is no name of an image` });
    try {
      const removal = await work(what);
      return removal ?? reply.code(404).send({ error: `there is no ${text} here` });
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      return reply.code(409).send({ error: error.message });
    }
  };
  const look = "What it means to remove an image or a repository.";
  app.get<{ Querystring: Asked }>(
    "/api/v1/removals",
    schemaOf("removals", look, { querystring: asked }),
    ({ query }, reply) => answer(query.name, reply, (what) => operations.removal(what)),
  );
  const remove = "Removes an image or a repository, of what was pushed here or of the cache.";
  app.post<{ Body: Asked }>(
    "/api/v1/removals",
    schemaOf("removals", remove, { body: asked, security: [{ token: [] }] }),
    ({ body }, reply) => answer(body.name, reply, (what) => operations.remove(what)),
  );
}

type Work = (what: Removable) => Promise<Removal | undefined>;
