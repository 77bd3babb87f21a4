/**
 * `npm run bench`: measures Entrepot beside the real peers in one run and prints a table of ratios.
 * Server on core 0, clients on core 1. `--rounds 3` is quicker, `--only NAME` runs one group of rows.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Row } from "./measure.ts";
import { openScene, type Scene } from "./parts/scene.ts";
import { archive } from "./rows/archive.ts";
import { cold, throttled, warmPlain, warmTls } from "./rows/blobs.ts";
import { coldFast, manifestsBesideCold } from "./rows/fast.ts";
import { firstBytes } from "./rows/first-byte.ts";
import { corrupt, cut, herd, warmPull } from "./rows/herd.ts";
import { idle, manifestHits } from "./rows/manifests.ts";
import { limitedSum, parallelRanges } from "./rows/ranges.ts";

const groups: Readonly<Record<string, (scene: Scene, rounds: number) => Promise<Row[]>>> = {
  idle: (scene) => idle(scene),
  "warm-tls": warmTls,
  "warm-plain": warmPlain,
  cold,
  throttled,
  "first-byte": (scene) => firstBytes(scene),
  "cold-fast": coldFast,
  beside: manifestsBesideCold,
  parallel: parallelRanges,
  "parallel-sum": limitedSum,
  herd: (scene) => herd(scene),
  cut: (scene) => cut(scene),
  corrupt: (scene) => corrupt(scene),
  manifests: manifestHits,
  "warm-pull": (scene) => warmPull(scene),
  archive,
};

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "9" }, only: { type: "string" } },
});

/** As docs/explanation/performance.md has it. */
function markdown(rows: readonly Row[]): string {
  const mark = ({ isMet }: Row): string => {
    if (isMet === undefined) return "";
    return isMet ? "yes" : "no";
  };
  const lines = rows.map((row) =>
    [row.work.trim(), row.ours, row.peer, row.ratio, row.bar, mark(row)].join(" | "),
  );
  const head = ["work | Entrepot | beside it | ratio | bar | met", "---|---|---|---|---|---"];
  return [...head, ...lines].map((line) => `| ${line} |`).join("\n");
}

function print(rows: readonly Row[]): void {
  const mark = (row: Row): string => {
    if (row.isMet === undefined) return " ";
    return row.isMet ? "✓" : "✗";
  };
  for (const row of rows) {
    const cells = [
      row.work.padEnd(52),
      row.ours.padEnd(12),
      row.peer.padEnd(36),
      row.ratio.padEnd(9),
    ];
    console.log(`${mark(row)} ${cells.join(" ")} ${row.bar}`);
  }
}

async function main(): Promise<void> {
  execFileSync("taskset", ["-cp", "1", String(process.pid)], { stdio: "ignore" });
  const chosen = Object.entries(groups).filter(
    ([name]) => values.only === undefined || values.only.split(",").includes(name),
  );
  console.log(
    `${cpus()[0]?.model}, Node ${process.version}, median of ${values.rounds} pairs, load ${loadavg()[0]?.toFixed(1)}\n`,
  );
  const scene = await openScene();
  const all: Row[] = [];
  try {
    for (const [, measure] of chosen) {
      const rows = await measure(scene, Number(values.rounds));
      print(rows);
      console.log(`  load ${loadavg()[0]?.toFixed(1)}`);
      all.push(...rows);
    }
  } finally {
    await scene.close();
  }
  const folder = fileURLToPath(new URL("results", import.meta.url));
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/latest.md`, `${markdown(all)}\n`);
  writeFileSync(
    `${folder}/latest.json`,
    JSON.stringify({ at: new Date().toISOString(), node: process.version, rows: all }, null, 2),
  );
}

await main();
