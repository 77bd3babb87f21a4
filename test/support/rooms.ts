/** The rooms of `src/`, from the top down, and what each may reach: the import law as data. */

export type Room = {
  /** Rooms whose values it may import; types may come from any room further down. */
  readonly rooms: readonly string[];
  /** What it may touch outside the house: packages and Node modules that do I/O. */
  readonly packages: readonly string[];
  /** Its folders in groups, from the top down: a folder may import those of later groups only. */
  readonly wings?: readonly (readonly string[])[];
  readonly purpose: string;
};

export const rooms: Readonly<Record<string, Room>> = {
  app: {
    rooms: [
      ...["doors", "registry", "cache", "hosted", "download", "upstream", "store"],
      ...["protocol", "runtime"],
    ],
    packages: [
      ...["commander", "@clack/prompts", "pino", "yaml", "node:http", "node:fs", "node:os"],
      ...[
        "node:net",
        "node:tls",
        "node:v8",
        "node:vm",
        "@opentelemetry/api",
        "@opentelemetry/exporter-trace-otlp-http",
      ],
      ...["@opentelemetry/resources", "@opentelemetry/sdk-trace-base"],
    ],
    wings: [["commands", "rehearsal"], ["compose"], ["settings", "log", "traces"]],
    purpose: "Reads the settings, builds every object once, starts them and stops them.",
  },
  doors: {
    rooms: ["registry", "upstream", "protocol", "runtime"],
    packages: [
      ...["node-forge", "http-mitm-proxy", "acme-client", "fastify", "prom-client", "uplot"],
      ...["node:http", "node:https", "node:net", "node:tls", "node:fs"],
    ],
    wings: [["proxy", "mirror", "tls", "front-page", "back-office"], ["server"]],
    purpose: "Accepts connections and works out which registry is meant.",
  },
  registry: {
    rooms: ["cache", "hosted", "upstream", "protocol", "runtime"],
    packages: [],
    wings: [["pull", "push", "hosted"], ["login"], ["rules"], ["answer"]],
    purpose: "Speaks /v2/: a request in, the registry's answer out.",
  },
  cache: {
    rooms: ["download", "upstream", "store", "protocol", "runtime"],
    packages: [],
    wings: [["pull"], ["tags"], ["access"], ["asking"], ["keeping"]],
    purpose: "Decides hit, revalidate or fetch; who may have what; what a tag means; what is kept.",
  },
  hosted: {
    rooms: ["store", "protocol", "runtime"],
    packages: ["bcryptjs", "node:worker_threads"],
    wings: [["gc"]],
    purpose: "Keeps what was pushed here: uploads, manifests, tags of our own.",
  },
  download: {
    rooms: ["upstream", "store", "protocol", "runtime"],
    packages: [],
    purpose: "One download feeding many readers: resumed, verified, kept or discarded.",
  },
  upstream: {
    rooms: ["protocol", "runtime"],
    packages: ["undici", "tldts", "node:net", "node:tls", "node:dns", "node:child_process"],
    wings: [["client"], ["auth"], ["net"]],
    purpose: "Talks to other registries: tokens, redirects, proxies, retries.",
  },
  store: {
    rooms: ["protocol", "runtime"],
    packages: [
      ...["@aws-sdk/client-s3", "keyv", "@keyv/sqlite", "ioredis", "pg"],
      ...["node:fs", "node:sqlite", "node:worker_threads"],
    ],
    wings: [["archiving"], ["disk", "s3", "keyv", "sqlite", "redis", "postgres"]],
    purpose: "Keeps bytes and records; knows nothing of registries.",
  },
  protocol: {
    rooms: ["runtime"],
    packages: [],
    wings: [["http"]],
    purpose: "The words of HTTP and OCI, parsed and printed. No I/O.",
  },
  runtime: {
    rooms: [],
    packages: ["node:fs", "node:os", "node:sea", "node:worker_threads"],
    purpose: "Time, waiting and bounded memory, each mechanism once. No domain word.",
  },
};

/** Node modules that only compute: free everywhere, with what lies under them (`stream/promises`). */
export const computing: ReadonlySet<string> = new Set(
  ["async_hooks", "buffer", "crypto", "events", "path", "perf_hooks", "stream", "string_decoder"]
    .concat(["timers", "url", "util", "zlib"])
    .map((name) => `node:${name}`),
);

/** Names that are free to import from a module that otherwise has a home. */
export const computingNames: Readonly<Record<string, readonly string[]>> = {
  "node:net": ["BlockList", "isIP", "isIPv4", "isIPv6"],
};

/** The table as ARCHITECTURE.md shows it. */
export function roomsTable(): string {
  const rows = Object.entries(rooms).map(([name, room]) => {
    const below = room.rooms.join(", ") || "–";
    const outside = room.packages.map((each) => `\`${each}\``).join(", ") || "–";
    const wings = room.wings?.map((group) => group.join(", ")).join(" → ") ?? "–";
    return `| \`${name}\` | ${room.purpose} | ${wings} | ${below} | ${outside} |`;
  });
  const head = [
    "| room | what it does | wings, in order | may import | may touch |",
    "|---|---|---|---|---|",
  ];
  return [...head, ...rows].join("\n");
}
