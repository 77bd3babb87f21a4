/** `/api/v1/events`: the panels of the dashboard as they change, for as long as somebody listens. */
import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";

const schema = {
  summary: "The panels of the dashboard as they change: server-sent events named panel.",
  description:
    "Each has JSON with id and html as its data. What may change each second comes each second, the rest " +
    "every ten or sixty; what did not change does not come. 503 where too many listen.",
  response: {
    200: {
      description: "A stream without an end",
      content: { "text/event-stream": { schema: { type: "string" } } },
    },
  },
};

/** `open` takes the response over; false where there are too many. */
export function addEvents(app: FastifyInstance, open: (response: ServerResponse) => boolean): void {
  app.get("/api/v1/events", { schema: schema as object }, (_request, reply) => {
    reply.hijack();
    if (!open(reply.raw)) reply.raw.writeHead(503, { "Retry-After": "10" }).end();
  });
}
