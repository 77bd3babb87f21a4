/** What the routes of the API answer, for its description: what is told is in `overview.ts`. */

type Schema = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, Schema>>;

const text: Schema = { type: "string" };
const whole: Schema = { type: "integer" };
const flag: Schema = { type: "boolean" };
const moment: Schema = { type: "integer", description: "Milliseconds since 1970." };
const milliseconds: Schema = { type: "number", description: "Milliseconds." };
const seconds: Schema = { type: "number", description: "Seconds." };

const oneOf = (...values: readonly string[]): Schema => ({ type: "string", enum: values });
const list = (items: Schema): Schema => ({ type: "array", items });

/** `maybe`: fields that are left out where nothing is known. */
function object(fields: Fields, maybe: Fields = {}): Schema {
  const properties = { ...fields, ...maybe };
  return { type: "object", additionalProperties: false, required: Object.keys(fields), properties };
}

const finding = object({ level: oneOf("bad", "mind"), what: text, mend: text }, { since: moment });

const status = object({
  phase: oneOf("starting", "running", "stopping", "stopped"),
  ...{ isWell: flag, findings: list(finding), since: moment },
  ...{ version: text, commit: text, node: text },
});

const sums: Fields = {
  ...{ requests: whole, errors: whole, pulls: whole, cachedPulls: whole },
  ...{ sent: whole, saved: whole, fetched: whole },
};
const points = list(object({ at: moment, ...sums }));

const stats = object({
  ...{ day: object(sums), month: object(sums), hours: points, days: points },
  registries: list(object({ registry: text, day: object(sums), month: object(sums) })),
});

const downloads = object({
  downloads: list(
    object(
      {
        ...{ registry: text, repository: text, digest: text, written: whole, readers: whole },
        speed: { type: "number", description: "Bytes a second." },
      },
      { size: whole },
    ),
  ),
});

const registries = object({
  registries: list(
    object(
      { registry: text, isUp: flag, failures: whole },
      { answeredAt: moment, downSince: moment, pausedUntil: moment, p50: seconds, p95: seconds },
    ),
  ),
  budgets: list(
    object({
      ...{ registry: text, login: oneOf("anonymous", "shared") },
      ...{ limit: whole, remaining: whole, at: moment },
    }),
  ),
  logins: list(object({ registry: text, isUp: flag, since: moment })),
});

const itsImage: Fields = {
  ...{ registry: text, repository: text, reference: text, digest: text },
  ...{ firstSeen: moment, pulls: whole, visibility: text },
  platforms: list(object({ name: text, digest: text, isKept: flag })),
  bytes: object({ whole, kept: whole, own: whole }),
  from: oneOf("pulled", "pushed here", "imported"),
  state: oneOf("kept", "partly kept", "not kept"),
};

const images = object({
  images: list(object(itsImage, { lastPull: moment })),
  ...{ total: whole, offset: whole },
});

const image = object(
  { ...itsImage, blobs: list(object({ digest: text, size: whole, isKept: flag })) },
  { lastPull: moment },
);

const requests = object({
  requests: list(
    object(
      {
        ...{ at: moment, client: text, door: oneOf("proxy", "mirror", "hosted"), registry: text },
        ...{ what: text, kind: text, method: text, status: whole, bytes: whole, milliseconds },
        ...{ end: oneOf("complete", "cut", "left"), outcome: text, isPull: flag },
      },
      {
        ...{ repository: text, error: text },
        why: object({ reason: text }, { open: text, said: text, login: text }),
      },
    ),
  ),
});

const disk = object(
  {
    ...{ bytes: whole, limit: whole, blobs: whole, isWritable: flag },
    held: { type: "object", additionalProperties: whole },
    next: list(object({ digest: text, size: whole, usedAt: moment })),
  },
  {
    disk: object({ free: whole, total: whole, mustStayFree: { type: "number" } }),
    lastEvictedAge: milliseconds,
  },
);

const tunnels = object({ tunnels: list(object({ host: text, times: whole, last: moment })) });

const bytes = list(object({ digest: text, size: whole }));

const gc = object({
  isDry: flag,
  going: list(
    object({
      ...{ what: oneOf("tag", "manifest", "blob"), repository: text, reference: text },
      ...{ digest: text, size: whole, why: text },
    }),
  ),
  ...{ freed: bytes, returned: bytes },
  skipped: list(object({ repository: text, why: text })),
});

const removals = object({
  world: oneOf("hosted", "cached"),
  ...{ tags: list(text), images: list(text), freed: bytes },
  shared: list(object({ digest: text, size: whole, by: text })),
});

/** By the last word of the path. */
export const answers = {
  ...{ gc, removals, status, stats, downloads, registries, images, image, requests, disk, tunnels },
  settings: object({ lines: list(text) }),
  explain: object({ image: text, lines: list(text) }),
  links: object({ path: text }, { url: text }),
} as const satisfies Readonly<Record<string, Schema>>;

const refusal = object({ error: text });

/** What describes a route, and checks what it is asked. */
export function schemaOf(answer: keyof typeof answers, summary: string, more: object = {}): object {
  const response = {
    200: { description: "What there is to know", ...answers[answer] },
    "4xx": { description: "Why not", ...refusal },
  };
  return { schema: { summary, response, ...more } };
}
