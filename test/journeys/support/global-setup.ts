/**
 * Once before all journeys: installs the engines that are missing, builds the program, makes the
 * images. In CI a missing engine is a failure; elsewhere its journeys are skipped, and said so.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestProject } from "vitest/node";
import { run, runWell } from "./program.ts";
import { unnameHosts } from "./upstream/hosts-file.ts";
import { pushImages } from "./upstream/images.ts";

export type Parts = {
  /** One storage folder per played registry; read only. */
  readonly images: string;
  /** For everything else; removed at the end. */
  readonly folder: string;
};

declare module "vitest" {
  interface ProvidedContext {
    parts: Parts;
  }
}

const project = join(import.meta.dirname, "../../..");

export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  if (process.getuid?.() !== 0) {
    throw new Error("The journeys play registries on port 443 and run dockerd: start them as root");
  }
  // A worker that vitest ends, as after Ctrl+C, does not get to it.
  process.once("exit", unnameHosts);
  const kept = join(tmpdir(), "entrepot-journeys");
  await mkdir(kept, { recursive: true });
  const tools = join(homedir(), ".cache", "entrepot-journeys");
  process.env.PATH = `${process.env.PATH}${delimiter}${tools}`;
  await installParts(tools);
  await runWell(process.execPath, ["scripts/compile.mjs"], { cwd: project, env: { HOME: kept } });
  const images = await pushImages(kept);
  const folder = await mkdtemp(join(kept, "r-"));
  provide("parts", { images, folder });
  return () => rm(folder, { recursive: true, force: true });
}

async function installParts(tools: string): Promise<void> {
  const script = join(project, "scripts/install-journey-parts.sh");
  const home = process.env.HOME ?? "/root";
  const env = { HOME: home, CI: process.env.CI ?? "" };
  const done = await run(script, ["--go", tools], { env, limitMs: 1_500_000 });
  if (done.output !== "") process.stderr.write(done.output);
  if (done.code === 0) return;
  if (process.env.CI) throw new Error(`something the journeys need is missing:\n${done.output}`);
}
