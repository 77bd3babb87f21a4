/** docs/reference/metrics.md, from the very numbers that `/metrics` prints. */
import { Figures } from "../../src/doors/back-office/figures.ts";
import type { House } from "../../src/doors/back-office/ports.ts";
import type { Family } from "../../src/doors/back-office/series.ts";
import { standing } from "../../src/doors/back-office/standing.ts";
import type { RegistryName } from "../../src/protocol/registry-name.ts";

const intro = `# Metrics

<!-- Written by \`npm run docs\` from src/doors/back-office; change it there. -->

What \`/metrics\` of the back office has, in the order of the page. Times are seconds, sizes bytes; what counts since
the start ends in \`_total\`. [Words](words.md) says what a pull, a hit, a kind and an outcome are, and
[the guide](../guides/metrics.md) what to ask of them. Beside these the page has Node's own, \`process_…\` and
\`nodejs_…\`, as prom-client names them. What nobody knows yet is left out: a registry that was never asked has no
\`entrepot_upstream_up\`.
`;

/** One of each, so that every number has a line to read its labels off. */
const house: House = {
  health: () => ({ phase: "running", degraded: [] }),
  requestsInFlight: () => ({ proxy: 0 }),
  clientUrl: () => "",
  settings: () => [],
  dashboardUrl: () => undefined,
  connections: async () => ({ proxy: 0 }),
  downloads: () => [],
  kept: () => ({ bytes: 0, limit: 0, blobs: 0, isWritable: true, held: { hosted: 0 } }),
  disk: async () => ({ free: 0, total: 0, mustStayFree: 0 }),
  nextToGo: () => [],
  certificates: () => new Map([["ca", 0]]),
  isReloaded: () => true,
  build: { version: "", commit: "", node: "" },
};

export async function metricsReference(): Promise<string> {
  const figures = new Figures({ now: () => 0, isKnown: () => true, repositories: 1 });
  const families = [...figures.families(), ...(await standing(heard(figures), house))];
  const rows = families.map(row);
  return [intro, "| metric | kind | labels | what it is |", "|---|---|---|---|", ...rows, ""].join(
    "\n",
  );
}

function heard(figures: Figures): Figures {
  const [registry, host] = ["docker.io" as RegistryName, "docker.io"];
  const asked = { kind: "exchanged", host, registry, asked: "manifest", method: "GET" } as const;
  figures.upstreams({ ...asked, status: 200, milliseconds: 0 });
  const budget = { limit: 100, remaining: 100, windowSeconds: 21_600 };
  figures.upstreams({ kind: "rateLimitRead", host, access: "shared", ...budget });
  figures.upstreams({ kind: "rateLimited", host, access: "shared", seconds: 60 });
  figures.auth({ kind: "credentialAccepted", host, credential: "" });
  figures.cache({ kind: "evictionFinished", blobs: 0, bytes: 0, missing: 0 });
  return figures;
}

function row(family: Family): string {
  const labels = labelsOf(family).map((label) => `\`${label}\``);
  const help = family.help.replaceAll("|", "\\|");
  return `| \`entrepot_${family.name}\` | ${family.type} | ${labels.join(", ") || "–"} | ${help} |`;
}

function labelsOf(family: Family): readonly string[] {
  const [sample] = family.samples();
  return family.labels ?? Object.keys(sample?.labels ?? {});
}
