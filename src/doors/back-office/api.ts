/** `/api/v1/…`: what there is to know, as JSON, and a link for a browser. */
import type { FastifyInstance } from "fastify";
import { type answers, schemaOf } from "./answers.ts";
import { addGarbage } from "./garbage.ts";
import { parseImageName } from "./image-name.ts";
import type { Operations } from "./operations.ts";
import { addRemovals } from "./removals.ts";

const imagesQuery = {
  type: "object",
  additionalProperties: false,
  properties: {
    search: { type: "string", maxLength: 200, default: "", description: "Words of the name." },
    sort: { type: "string", enum: ["last", "name", "pulls"], default: "last" },
    offset: { type: "integer", minimum: 0, maximum: 1_000_000, default: 0 },
    limit: { type: "integer", minimum: 1, maximum: 200, default: 50 },
  },
} as const;

const imageQuery = {
  type: "object",
  additionalProperties: false,
  required: ["name"],
  properties: {
    name: {
      type: "string",
      maxLength: 1_000,
      description: "As it is pulled: docker.io/library/alpine:3.20",
    },
  },
} as const;

type ImagesQuery = {
  readonly search: string;
  readonly sort: "last" | "name" | "pulls";
  readonly offset: number;
  readonly limit: number;
};

type ImageQuery = { readonly name: string };

export function addApi(app: FastifyInstance, operations: Operations): void {
  const { overview } = operations;
  const read = (path: keyof typeof answers, summary: string, look: () => unknown): void => {
    app.get(`/api/v1/${path}`, schemaOf(path, summary), async () => look());
  };
  read("status", "Whether all is well, and what is not.", () => overview.status());
  read("stats", "What went through in the last day and month.", () => overview.stats());
  read("downloads", "What is being fetched right now.", () => overview.downloads());
  read("registries", "How the registries do.", () => overview.registries());
  read("tunnels", "Hosts that clients were passed on to untouched, the last 200 of them.", () =>
    overview.tunnels(),
  );
  read("settings", "What it was started with beside the defaults, without secrets.", () =>
    overview.settings(),
  );
  read("requests", "The last 200 requests, newest first.", () => overview.requests());
  read("disk", "What is kept, how much room there is, and what goes next.", () => overview.disk());
  addImages(app, operations);
  addGarbage(app, operations);
  addRemovals(app, operations);
  const link = "A link that opens the dashboard once, within a minute.";
  const schema = schemaOf("links", link, { security: [{ token: [] }] });
  app.post("/api/v1/links", schema, async (_request, reply) => {
    const made = operations.dashboardLink();
    return made ?? reply.code(409).send({ error: "no server runs, and so there is no dashboard" });
  });
}

function addImages(app: FastifyInstance, { overview, standsFor }: Operations): void {
  app.get<{ Querystring: ImagesQuery }>(
    "/api/v1/images",
    schemaOf("images", "The images that were asked for.", { querystring: imagesQuery }),
    ({ query }) => overview.images(query),
  );
  app.get<{ Querystring: ImageQuery }>(
    "/api/v1/image",
    schemaOf("image", "One image, with its blobs.", { querystring: imageQuery }),
    async ({ query }, reply) => {
      const name = parseImageName(query.name, standsFor);
      const image = name && (await overview.image(name));
      if (image !== undefined) return image;
      const what = name === undefined ? "is no name of an image" : "was never asked for here";
      return reply.code(name === undefined ? 400 : 404).send({ error: `${query.name} ${what}` });
    },
  );
  app.get<{ Querystring: ImageQuery }>(
    "/api/v1/explain",
    schemaOf("explain", "What a pull of it would do now, and why.", { querystring: imageQuery }),
    async ({ query }, reply) => {
      const name = parseImageName(query.name, standsFor);
      const lines = name && (await overview.explain(name));
      if (lines !== undefined) return { image: query.name, lines };
      return reply.code(400).send({ error: `${query.name} is no name of an image` });
    },
  );
}
