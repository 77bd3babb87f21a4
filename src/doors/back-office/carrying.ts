/**
 * Images out of here and in, for `entrepot images export` and `import`: an answer that stays open holds
 * what is carried, and names the place where its bytes are had or brought. Bytes come by the socket alone.
 */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { ByteSource } from "../../download/byte-source.ts";
import { type Digest, parseDigest } from "../../protocol/digest.ts";
import { maxManifestBytes } from "../../protocol/manifest.ts";
import { parseRepositoryName, parseTag } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { CarriedPlace, ExportUnderWay, ImportAsk, ImportUnderWay } from "./carried-images.ts";
import { HeldAnswers } from "./held-answers.ts";
import { parseImageName } from "./image-name.ts";
import type { Operations } from "./operations.ts";

const most = 8;
/** Of the list of what comes: an image of ten thousand blobs needs one. */
const bodyLimit = 4 * 1024 * 1024;
const piece = 256 * 1024;

const text = { type: "string", maxLength: 1_000 } as const;
const texts = { type: "array", items: text, maxItems: 1_000 } as const;
const isHosted = { type: "boolean" } as const;
const digest = { type: "string", maxLength: 200 } as const;
const content = { type: "object", properties: { digest, size: { type: "integer", minimum: 0 } } };

type Named = { readonly id: string };
type ExportBody = { readonly names: readonly string[]; readonly platforms: readonly string[] };
type ImportBody = {
  readonly name: string;
  /** The name is that of a repository here. */
  readonly isHosted?: boolean;
  readonly contents: readonly { readonly digest: string; readonly size: number }[];
};
type ManifestQuery = { digest: string; type: string; named?: boolean; tag?: string };

type Carrying = Pick<Operations, "beginExport" | "beginImport" | "standsFor">;

/** Returns what ends those that are open. */
export function addCarrying(app: FastifyInstance, operations: Carrying): () => void {
  const answers = new HeldAnswers(most);
  app.addContentTypeParser("application/octet-stream", (_request, body, done) => done(null, body));
  addExports(app, operations, answers);
  addImports(app, operations, answers);
  return () => answers.end();
}

function addExports(app: FastifyInstance, operations: Carrying, answers: HeldAnswers): void {
  const open = new Map<string, ExportUnderWay>();
  const body = object({ names: texts, platforms: texts });
  app.post<{ Body: ExportBody }>(
    "/api/v1/exports",
    { schema: { body } },
    async ({ body: asked }, reply) => {
      const images = asked.names.map((name) => parseImageName(name, operations.standsFor));
      const wrong = asked.names.find((_, at) => images[at] === undefined);
      if (wrong !== undefined) return refuse(reply, 400, `${wrong} is no name of an image`);
      const known = images.filter((one) => one !== undefined) as (CarriedPlace & {
        readonly reference: string;
      })[];
      await begun(reply, answers, async () => {
        const its = await operations.beginExport({ images: known, platforms: asked.platforms });
        return { its, open, told: { plan: its.plan } };
      });
    },
  );
  app.post<{ Params: Named; Body: { readonly digest: string } }>(
    "/api/v1/exports/:id/blobs",
    { schema: { body: object({ digest }) } },
    async ({ params, body: { digest: wanted } }, reply) => {
      const source = await open.get(params.id)?.open(wanted as Digest);
      if (source?.size === undefined) return refuse(reply, 404, `${wanted} is not here any more`);
      reply.header("content-length", source.size).type("application/octet-stream");
      return reply.send(Readable.from(bytesOf(source), { objectMode: false }));
    },
  );
}

function addImports(app: FastifyInstance, operations: Carrying, answers: HeldAnswers): void {
  const open = new Map<string, ImportUnderWay>();
  const contents = { type: "array", items: content, maxItems: 20_000 };
  app.post<{ Body: ImportBody }>(
    "/api/v1/imports",
    { bodyLimit, schema: { body: object({ name: text, contents }, { isHosted }) } },
    async ({ body: asked }, reply) => {
      const to = placeOf(asked);
      if (to === undefined) return refuse(reply, 400, `${asked.name} is no name of an image`);
      const coming = asked.contents.flatMap(({ digest: its, size }) => {
        const known = parseDigest(its);
        return known === undefined ? [] : [{ digest: known, size }];
      });
      await begun(reply, answers, async () => {
        const its = await operations.beginImport({ to, contents: coming });
        const { world, name, missing } = its;
        return { its, open, told: { world, name, missing } };
      });
    },
  );
  app.post<{ Params: Named; Querystring: { digest: string }; Body: Readable }>(
    "/api/v1/imports/:id/blobs",
    { schema: { querystring: object({ digest }) } },
    ({ params, query, body }, reply) =>
      told(reply, async () => {
        const known = needDigest(query.digest);
        await underWay(open, params.id).blob(known, body);
      }),
  );
  const querystring = object({ digest, type: text }, { named: { type: "boolean" }, tag: text });
  app.post<{ Params: Named; Querystring: ManifestQuery; Body: Readable }>(
    "/api/v1/imports/:id/manifests",
    { schema: { querystring } },
    ({ params, query, body }, reply) =>
      told(reply, async () => {
        const tag = query.tag === undefined ? undefined : parseTag(query.tag);
        const manifest = {
          ...{ digest: needDigest(query.digest), mediaType: query.type },
          ...{ isNamed: query.named === true, tags: tag === undefined ? [] : [tag] },
        };
        await underWay(open, params.id).manifest(manifest, await manifestIn(body));
      }),
  );
}

function placeOf({ name, isHosted: isHere }: ImportBody): ImportAsk["to"] | undefined {
  if (isHere !== true) return parseImageName(name) as CarriedPlace | undefined;
  const repository = parseRepositoryName(name);
  return repository && { repository };
}

type Begun<Its> = {
  readonly its: Its;
  readonly open: Map<string, Its>;
  readonly told: object;
};

/** Under a name of its own until nobody reads the answer any more. */
async function begun<Its extends { release(): Promise<void> }>(
  reply: FastifyReply,
  answers: HeldAnswers,
  begin: () => Promise<Begun<Its>>,
): Promise<void> {
  if (answers.isFull) {
    return refuse(reply, 503, "other images are being carried; wait for them to be there");
  }
  await told(reply, () =>
    answers.answer(reply, async () => {
      const { its, open, told: first } = await begin();
      const id = randomUUID();
      open.set(id, its);
      const release = async (): Promise<void> => {
        open.delete(id);
        await its.release();
      };
      return { told: { id, ...first }, release };
    }),
  );
}

/** What goes wrong is a sentence for whoever asked. */
async function told(reply: FastifyReply, work: () => Promise<void>): Promise<unknown> {
  try {
    await work();
    return reply.sent ? undefined : {};
  } catch (error) {
    if (!(error instanceof RegistryError) || reply.sent) throw error;
    return refuse(reply, error.code === "MANIFEST_UNKNOWN" ? 404 : 409, error.message);
  }
}

function refuse(reply: FastifyReply, status: number, error: string) {
  return reply.code(status).send({ error }) as never;
}

function underWay(open: ReadonlyMap<string, ImportUnderWay>, id: string): ImportUnderWay {
  const its = open.get(id);
  if (its !== undefined) return its;
  throw new RegistryError("BLOB_UPLOAD_UNKNOWN", "this import has ended; run it again");
}

/** Throws RegistryError DIGEST_INVALID. */
function needDigest(given: string): Digest {
  const known = parseDigest(given);
  if (known !== undefined) return known;
  throw new RegistryError("DIGEST_INVALID", "a digest is sha256:<64 hex> or sha512:<128 hex>");
}

async function manifestIn(body: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxManifestBytes) {
      throw new RegistryError("MANIFEST_INVALID", "a manifest has at most 4 MiB");
    }
    pieces.push(chunk);
  }
  return Buffer.concat(pieces);
}

async function* bytesOf(source: ByteSource): AsyncGenerator<Buffer> {
  const { signal } = new AbortController();
  try {
    for (let position = 0; ; ) {
      const buffer = Buffer.allocUnsafe(piece);
      const length = await source.read(buffer, position, signal);
      if (length === 0) return;
      position += length;
      yield buffer.subarray(0, length);
    }
  } finally {
    await source.close();
  }
}

function object(fields: Readonly<Record<string, object>>, maybe: object = {}): object {
  const properties = { ...fields, ...maybe };
  return { type: "object", additionalProperties: false, required: Object.keys(fields), properties };
}
