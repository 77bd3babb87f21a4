/** Everything the back office answers, as fastify's routes. Loaded at the first request. */
import fastify, { type FastifyInstance } from "fastify";
import type { Pages } from "./back-office.ts";
import type { Figures } from "./figures.ts";
import { Metrics } from "./metrics.ts";
import type { House } from "./ports.ts";

export type PagesParts = { readonly figures: Figures; readonly house: House };

export async function openPages(parts: PagesParts): Promise<Pages> {
  const app = fastify();
  addMetrics(app, parts);
  await app.ready();
  return {
    handle: (request, response) => app.routing(request, response),
    end: () => app.close(),
  };
}

function addMetrics(app: FastifyInstance, { figures, house }: PagesParts): void {
  const metrics = new Metrics(figures, house);
  app.get("/metrics", async (_request, reply) => {
    reply.type(metrics.contentType);
    return metrics.page();
  });
}
