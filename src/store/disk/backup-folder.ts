/**
 * What was pushed here, and what it takes to go on from there, in a folder of its own:
 *
 *     BACKUP                            written last: without it the folder is no backup
 *     hosted.sqlite  blobs/             what was pushed
 *     ca/  acme/  token.secret          as in a data folder
 */
import { chmod, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { StoreError, storeErrorFrom } from "../store-error.ts";
import { nodeFileSystem, storeFailure, syncPath, systemCode } from "./file-system.ts";
import { writeWhole } from "./whole-file.ts";

/** What the file BACKUP says. */
export type BackupFacts = {
  /** When it was begun, as in ISO 8601. */
  readonly begunAt: string;
  /** Of the program that made it. */
  readonly version: string;
  readonly blobs: number;
  readonly bytes: number;
  /** Pushed blobs that were damaged or gone before it was made. */
  readonly lost: readonly string[];
};

const format = 1;
const marker = "BACKUP";
/** Folders and files that are carried whole, where they are. */
const keyFolders = ["ca", "acme"];
const keyFiles = ["token.secret"];

/** A backup that is being made. Exactly one of finish and discard ends it. */
export class NewBackup {
  readonly path: string;
  #isEnded = false;

  /** Makes the folder, or takes an empty one. Throws StoreError with a sentence for the operator. */
  static async begin(path: string): Promise<NewBackup> {
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      const names = await readdir(path);
      const found = names.find((name) => name !== "lost+found");
      if (found === undefined) {
        // It may be somebody's who made it with other rights; keys come into it.
        await chmod(path, 0o700);
        await mkdir(join(path, "blobs"), { mode: 0o700 });
        return new NewBackup(path);
      }
      const what = names.includes(marker)
        ? "holds a backup"
        : `is not empty (${JSON.stringify(found.slice(0, 80))})`;
      throw new StoreError("FORMAT", `${path} ${what}; name a folder that is not there yet`);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      const code = systemCode(error) ?? String(error);
      throw storeErrorFrom(
        error,
        "IO",
        `${path} cannot be made a backup (${code}); name another folder`,
      );
    }
  }

  private constructor(path: string) {
    this.path = path;
  }

  /** From now on it is one. What it holds is on the platter before. Throws StoreError. */
  async finish(facts: BackupFacts): Promise<void> {
    await writeWhole(this.path, marker, `${JSON.stringify({ format, ...facts }, undefined, 2)}\n`);
    this.#isEnded = true;
  }

  /** Takes everything away again; no error once it is finished. Never rejects. */
  async discard(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const name of await readdir(this.path).catch(() => [])) {
      if (name === "lost+found") continue;
      await rm(join(this.path, name), { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

/** Throws StoreError FORMAT where there is no whole backup. */
export async function readBackup(path: string): Promise<BackupFacts> {
  const file = join(path, marker);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const code = systemCode(error);
    const isAbsent = code === "ENOENT" || code === "ENOTDIR";
    const why = isAbsent
      ? "a whole one has a file BACKUP in it"
      : `BACKUP cannot be read (${code})`;
    throw storeErrorFrom(error, "FORMAT", `${path} is no backup: ${why}`);
  }
  const facts = parsed(text);
  if (facts?.format === format) return facts;
  const of = facts === undefined ? "its BACKUP makes no sense" : `it has format ${facts.format}`;
  throw new StoreError("FORMAT", `${path} cannot be restored: ${of}; use the version that made it`);
}

/** CA, tokens' secret and ACME's account and certificates, each with its access rights. Throws StoreError. */
export async function carryKeys(from: string, to: string): Promise<void> {
  try {
    for (const name of keyFiles) await carryFile(from, to, name);
    for (const folder of keyFolders) {
      const [source, target] = [join(from, folder), join(to, folder)];
      const names = await namesIn(source);
      if (names.length > 0) await mkdir(target, { recursive: true, mode: 0o700 });
      for (const name of names) await carryFile(source, target, name);
    }
    await syncPath(nodeFileSystem, to);
  } catch (error) {
    throw storeFailure(error, `copy the keys in ${from}`);
  }
}

async function carryFile(from: string, to: string, name: string): Promise<void> {
  const source = join(from, name);
  const bytes = await readFile(source).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (bytes !== undefined) await writeWhole(to, name, bytes);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}

function parsed(text: string): (BackupFacts & { readonly format: number }) | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
