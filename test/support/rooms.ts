/** The rooms of `src/`, from the top down, and what each may reach: the import law as data. */

export type Room = {
  /** Rooms whose values it may import; types may come from any room further down. */
  readonly rooms: readonly string[];
  /** What it may touch outside the house: packages and Node modules that do I/O. */
  readonly packages: readonly string[];
  /** Sub-folders that their siblings may import; otherwise sub-folders do not see each other. */
  readonly shared?: readonly string[];
  readonly purpose: string;
};

export const rooms: Readonly<Record<string, Room>> = {
  app: {
    rooms: ["doors", "registry", "cache", "hosted", "upstream", "store", "protocol"],
    packages: ["commander", "pino", "zod", "yaml", "node:fs", "node:os", "node:process"],
    // The one room that knows the whole configuration: building and running it start from there.
    shared: ["settings"],
    purpose: "Reads the settings, builds every object once, starts them and stops them.",
  },
  doors: {
    rooms: ["registry", "upstream", "protocol"],
    packages: [
      "node-forge",
      "http-mitm-proxy",
      "acme-client",
      "node:http",
      "node:https",
      "node:net",
      "node:tls",
      "node:fs",
      "node:os",
    ],
    purpose: "Accepts connections and works out which registry is meant.",
  },
  registry: {
    rooms: ["cache", "hosted", "upstream", "protocol"],
    packages: ["node:http"],
    purpose: "Speaks /v2/: a request in, the registry's answer out.",
  },
  cache: {
    rooms: ["upstream", "store", "protocol"],
    packages: [],
    purpose:
      "Decides hit, revalidate or fetch; fetches once for many readers; forgets what is old.",
  },
  hosted: {
    rooms: ["store", "protocol"],
    packages: [],
    purpose: "Keeps what was pushed here: uploads, manifests, tags of our own.",
  },
  upstream: {
    rooms: ["protocol"],
    packages: ["undici", "node:net", "node:tls", "node:dns", "node:child_process"],
    purpose: "Talks to other registries: tokens, redirects, proxies, retries, resumption.",
  },
  store: {
    rooms: ["protocol"],
    packages: ["keyv", "@keyv/sqlite", "node:fs", "node:sqlite", "node:worker_threads"],
    purpose: "Keeps bytes and records; knows nothing of registries.",
  },
  protocol: {
    rooms: [],
    packages: [],
    purpose: "The words of HTTP and OCI, parsed and printed. No I/O.",
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
    return `| \`${name}\` | ${room.purpose} | ${below} | ${outside} |`;
  });
  const head = ["| room | what it does | may import | may touch |", "|---|---|---|---|"];
  return [...head, ...rows].join("\n");
}
