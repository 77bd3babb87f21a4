/**
 * `entrepot images import-registry DIR`: what distribution's registry keeps, as pushed here or as the cache
 * of the registry that it stood before. What of it is damaged is named, and the rest comes.
 */

import type { Digest } from "../../../protocol/digest.ts";
import { canonicalRegistry } from "../../../protocol/registry-name.ts";
import { progressOn, toldWhy } from "../carrying.ts";
import { AskError, type ServerAsked } from "../control.ts";
import { count } from "../garbage.ts";
import { printBytes } from "../readable-answers.ts";
import { type Brought, bring, type ImageToBring } from "./bringing.ts";
import type { CarryTerminal } from "./export.ts";
import { LayoutContents } from "./layout-contents.ts";
import { type CarryLine, onLine } from "./line.ts";
import { type KeptRepository, RegistryFolder } from "./registry-folder.ts";

export type ImportRegistryFlags = {
  readonly as?: string;
  readonly asCacheOf?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
};

type Told = {
  readonly repository: string;
  readonly tags: number;
  readonly images: number;
  readonly bytes: number;
  /** What does not come, as sentences. */
  readonly broken: string[];
};

type Where = { readonly name: (repository: string) => string; readonly isHosted: boolean };
type Looked = Told & { readonly whole: readonly ImageToBring[] };

/** So many at a time, since what is known of them is in memory. */
const batch = 100;

/** Resolves with the exit code: 1 where something is damaged. Throws AskError. */
export function importRegistry(
  asked: ServerAsked,
  path: string,
  flags: ImportRegistryFlags,
  terminal: CarryTerminal,
): Promise<number> {
  return toldWhy(importing(asked, path, flags, terminal));
}

async function importing(
  asked: ServerAsked,
  path: string,
  flags: ImportRegistryFlags,
  terminal: CarryTerminal,
): Promise<number> {
  const where = whereTo(flags);
  const folder = await RegistryFolder.open(path);
  const told: Told[] = [];
  const brought: Brought = { blobs: 0, bytes: 0, there: 0 };
  const progress = progressOn(terminal.stderr, Date.now);
  const all = async (line: CarryLine | undefined): Promise<void> => {
    for await (const repository of folder.repositories()) {
      const looked = await look(folder, path, repository);
      if (line !== undefined) await bringAll(line, { folder, looked, where, brought, progress });
      const { whole: _, ...rest } = looked;
      told.push({ ...rest, repository: where.name(rest.repository) });
    }
  };
  try {
    if (flags.dryRun === true) await all(undefined);
    else await onLine(asked, all);
  } finally {
    progress.end();
  }
  if (told.length === 0) throw new AskError("FAILED", `${path} has no repository`);
  print(told, brought, flags, terminal);
  return told.every(({ broken }) => broken.length === 0) ? 0 : 1;
}

/** Throws AskError. */
function whereTo({ as, asCacheOf }: ImportRegistryFlags): Where {
  if (asCacheOf !== undefined) {
    const registry = canonicalRegistry(asCacheOf);
    if (registry === undefined || as !== undefined) {
      const what = as === undefined ? `--as-cache-of is ${asCacheOf}` : "it goes to one place";
      throw new AskError("WRONG_USE", `${what}; write --as-cache-of HOST, such as ghcr.io`);
    }
    return { name: (repository) => `${registry}/${repository}`, isHosted: false };
  }
  if (as === undefined || as === "hosted")
    return { name: (repository) => repository, isHosted: true };
  throw new AskError("WRONG_USE", `--as is ${as}; write --as hosted, or --as-cache-of HOST`);
}

async function look(folder: RegistryFolder, path: string, kept: KeptRepository): Promise<Looked> {
  const whole: ImageToBring[] = [];
  const broken: string[] = [];
  const covered = new Set<Digest>();
  const add = async (digest: Digest, tag: string | undefined): Promise<void> => {
    const its = await contentsOf(folder, path, digest);
    if (typeof its === "string")
      broken.push(`${kept.name}${tag === undefined ? "@" : `:${tag}@`}${digest}: ${its}`);
    else whole.push({ ...its, tag });
    if (typeof its !== "string") for (const one of its.manifests) covered.add(one.digest);
  };
  for (const [tag, digest] of kept.tags) await add(digest, tag);
  for (const digest of kept.revisions) if (!covered.has(digest)) await add(digest, undefined);
  const sizes = new Map(
    whole.flatMap(({ blobs }) => blobs.map(({ digest, size }) => [digest, size])),
  );
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return {
    repository: kept.name,
    tags: kept.tags.size,
    images: covered.size,
    bytes,
    broken,
    whole,
  };
}

/** Or a sentence about what is wrong with it. */
async function contentsOf(folder: RegistryFolder, path: string, digest: Digest) {
  const described = await folder.describe(digest);
  if (described === undefined) return "its manifest is gone, or of a kind that is served no more";
  try {
    return await LayoutContents.of(described, path, folder.source);
  } catch (error) {
    if (error instanceof AskError) return error.message;
    throw error;
  }
}

type BringingAll = Pick<Parameters<typeof bring>[1], "brought" | "progress"> & {
  readonly folder: RegistryFolder;
  readonly looked: Looked;
  readonly where: Where;
};

async function bringAll(line: CarryLine, all: BringingAll): Promise<void> {
  const { folder, looked, where, brought, progress } = all;
  const to = { name: where.name(looked.repository), isHosted: where.isHosted };
  for (let start = 0; start < looked.whole.length; start += batch) {
    const images = looked.whole.slice(start, start + batch);
    try {
      await bring(line, { to, source: folder.source, images, brought, progress });
    } catch (error) {
      if (!(error instanceof AskError) || images.length === 0) throw error;
      await bringEach(line, all, images);
    }
  }
}

/** One of them is damaged: the others come. */
async function bringEach(
  line: CarryLine,
  { folder, looked, where, brought, progress }: BringingAll,
  images: readonly ImageToBring[],
): Promise<void> {
  const to = { name: where.name(looked.repository), isHosted: where.isHosted };
  for (const image of images) {
    try {
      await bring(line, { to, source: folder.source, images: [image], brought, progress });
    } catch (error) {
      if (!(error instanceof AskError) || error.code !== "FAILED") throw error;
      looked.broken.push(
        `${looked.repository}${image.tag === undefined ? "" : `:${image.tag}`}@${image.digest}: ${error.message}`,
      );
    }
  }
}

function print(
  told: readonly Told[],
  brought: Brought,
  { dryRun, json }: ImportRegistryFlags,
  { stdout, stderr }: CarryTerminal,
): void {
  if (json === true) {
    stdout.write(`${JSON.stringify({ isDry: dryRun === true, repositories: told, ...brought })}\n`);
    return;
  }
  for (const { repository, tags, images, bytes, broken } of told) {
    stdout.write(
      `${repository}: ${count(tags, "tag")}, ${count(images, "image")}, ${printBytes(bytes)}\n`,
    );
    for (const sentence of broken) stderr.write(`entrepot: left out ${sentence}\n`);
  }
  const there = brought.there === 0 ? "" : `; ${brought.there} were there`;
  const done = `brought ${count(brought.blobs, "blob")} (${printBytes(brought.bytes)})${there}`;
  stdout.write(`${dryRun === true ? "would bring them; nothing is hashed yet" : done}\n`);
}
