/** Prometheus and Grafana: what is in examples/grafana fits what a running Entrepot says. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { freePort } from "../support/free-port.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { type Entrepot, startEntrepot } from "./support/entrepot.ts";
import { Service } from "./support/program.ts";

const run = promisify(execFile);
const examples = join(import.meta.dirname, "../../examples/grafana");

type Panel = { readonly title: string; readonly targets: readonly { readonly expr: string }[] };

async function panels(): Promise<readonly Panel[]> {
  const text = await readFile(join(examples, "dashboard.json"), "utf8");
  return (JSON.parse(text) as { readonly panels: readonly Panel[] }).panels;
}

describe("Prometheus watches Entrepot", () => {
  let entrepot: Entrepot;
  let page: string;
  let adminPort: number;

  beforeAll(async () => {
    adminPort = await freePort();
    entrepot = await startEntrepot(await temporaryFolder(), { ADMIN_PORT: String(adminPort) });
    page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    return async () => void (await entrepot.stop());
  });

  it("finds the metrics tidy", async () => {
    const checking = run("promtool", ["check", "metrics"]);
    checking.child.stdin?.end(page);
    expect((await checking).stdout).toBe("");
  });

  it("rings as the tests of the alerts say", async () => {
    await run("promtool", ["check", "rules", join(examples, "alerts.yaml")]);
    await run("promtool", ["test", "rules", join(examples, "alerts.test.yaml")]);
  });

  it("can answer every panel's query, and knows every name in them", async () => {
    const described = new Set([...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    const queries = (await panels()).flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const alerts = await readFile(join(examples, "alerts.yaml"), "utf8");
    const used = [
      ...[...queries, alerts].join("\n").matchAll(/\b(?:entrepot|nodejs|process)_\w+/g),
    ];
    const unknown = used
      .map(([name]) => name.replace(/_(?:bucket|sum|count)$/, ""))
      .filter((name) => !described.has(name));
    expect(unknown).toEqual([]);

    const folder = await temporaryFolder();
    const port = await freePort();
    const config = join(folder, "prometheus.yml");
    await writeFile(
      config,
      `global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: entrepot\n    static_configs:\n      - targets: ["127.0.0.1:${adminPort}"]\n`,
    );
    const prometheus = new Service(
      "prometheus",
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${folder}/tsdb`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { env: {}, cwd: folder },
    );
    onTestFinished(() => prometheus.kill());
    const ask = async (query: string) => {
      const filled = query.replaceAll("$instance", ".*");
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(filled)}`;
      return (await (await fetch(url)).json()) as {
        readonly status: string;
        readonly data: { readonly result: readonly unknown[] };
      };
    };
    await prometheus.ready(async () => (await ask("entrepot_build_info")).data.result.length === 1);
    for (const query of queries) expect((await ask(query)).status, query).toBe("success");
  });
});
