/** Everything the back office answers, as fastify's routes. Loaded at the first request. */
import type { FastifyInstance } from "fastify";
import { addApi } from "./api.ts";
import type { Pages } from "./back-office.ts";
import { addBackups } from "./backups.ts";
import { addCarrying } from "./carrying.ts";
import { addDashboard } from "./dashboard.ts";
import type { Figures } from "./figures.ts";
import { Metrics } from "./metrics.ts";
import type { Operations } from "./operations.ts";
import type { House } from "./ports.ts";
import { openRoutes } from "./routes.ts";
import type { Sessions } from "./sessions.ts";

export type PagesParts = {
  readonly figures: Figures;
  readonly house: House;
  readonly operations: Operations;
  readonly sessions: Sessions;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

export async function openPages(parts: PagesParts): Promise<Pages> {
  const app = openRoutes();
  addMetrics(app, parts);
  addApi(app, parts.operations);
  const endBackups = addBackups(app, parts.operations);
  const endCarrying = addCarrying(app, parts.operations);
  const clientUrl = (): string => parts.house.clientUrl();
  const live = addDashboard(app, { ...parts, clientUrl, overview: parts.operations.overview });
  await app.ready();
  return {
    handle: (request, response) => app.routing(request, response),
    end: async () => {
      live.end();
      endBackups();
      endCarrying();
      await app.close();
    },
  };
}

function addMetrics(app: FastifyInstance, { figures, house }: PagesParts): void {
  const metrics = new Metrics(figures, house);
  app.get("/metrics", async (_request, reply) => {
    reply.type(metrics.contentType);
    return metrics.page();
  });
}
