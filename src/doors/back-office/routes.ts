/** Fastify as all routes of the back office have it: every refusal is a sentence, in `error`. */
import fastify, { type FastifyError, type FastifyInstance } from "fastify";

export function openRoutes(): FastifyInstance {
  const app = fastify();
  // The schemas of answers describe them; what is told goes out as it is, to several as one text.
  const texts = new WeakMap<object, string>();
  app.setSerializerCompiler(() => (told: object) => {
    const text = texts.get(told) ?? JSON.stringify(told);
    texts.set(told, text);
    return text;
  });
  app.setErrorHandler((error: FastifyError, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ error: error.message }),
  );
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: "there is no such page; / is the dashboard" }),
  );
  return app;
}
