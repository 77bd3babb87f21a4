/**
 * From where images are read: a folder or an archive. Only files of names that we ask for are opened,
 * never through a link, and nothing is unpacked anywhere.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { AskError } from "../control.ts";
import { stretchOf, tarFiles } from "./tar-files.ts";

export type SourceFile = { readonly size: number; readonly read: () => AsyncIterable<Uint8Array> };

export interface LayoutSource {
  /** Undefined when there is none; throws AskError when it is no plain file. */
  find(path: string): Promise<SourceFile | undefined>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** Names in an archive: an image of ten thousand blobs has as many. */
const mostFiles = 200_000;

/** Throws AskError with a sentence about what is wrong with it. */
export async function openSource(path: string): Promise<LayoutSource> {
  const its = await stat(path).catch((error: unknown) => {
    throw new AskError("FAILED", `${path} cannot be read: ${codeOf(error)}`, { cause: error });
  });
  if (its.isDirectory()) return folderSource(path);
  if (!its.isFile()) throw new AskError("FAILED", `${path} is neither a file nor a folder`);
  return archiveSource(path);
}

const readOnly = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export function folderSource(folder: string): LayoutSource {
  return {
    find: async (name) => {
      const path = join(folder, name);
      const its = await lstat(path).catch(() => undefined);
      if (its === undefined) return undefined;
      if (!its.isFile() || !(await isBelow(folder, name)))
        throw new AskError(
          "FAILED",
          `${shown(name)} in ${folder} is no plain file, and is not read`,
        );
      return { size: its.size, read: () => bytesOf(path, its.size) };
    },
    close: async () => undefined,
  };
}

/** Whether no step of a stranger's name leads out of the folder, be it by its spelling or by a link. */
async function isBelow(folder: string, name: string): Promise<boolean> {
  const steps = name.split("/");
  if (steps.some((step) => step === "" || step === "." || step === "..")) return false;
  let path = folder;
  for (const step of steps.slice(0, -1)) {
    path = join(path, step);
    if (!(await lstat(path)).isDirectory()) return false;
  }
  return true;
}

async function* bytesOf(path: string, size: number): AsyncGenerator<Uint8Array> {
  const file = await open(path, readOnly);
  try {
    yield* stretchOf(file, 0, size);
  } finally {
    await file.close();
  }
}

async function archiveSource(path: string): Promise<LayoutSource> {
  const file = await open(path, "r");
  try {
    await needPlain(path, file);
    const files = await listed(path, file);
    return {
      find: async (name) => {
        const its = files.get(name);
        if (its === undefined) return undefined;
        if (its.kind === "file")
          return { size: its.size, read: () => stretchOf(file, its.start, its.size) };
        throw new AskError("FAILED", `${name} in ${path} is no plain file, and is not read`);
      },
      close: () => file.close().catch(() => undefined),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function listed(path: string, file: FileHandle) {
  const files = new Map<string, { kind: string; start: number; size: number }>();
  for await (const { path: name, kind, start, size } of tarFiles(file)) {
    if (kind === "folder") continue;
    if (files.has(name)) {
      throw new AskError(
        "FAILED",
        `${path} has ${shown(name)} twice, and nobody knows which is meant`,
      );
    }
    if (files.size >= mostFiles)
      throw new AskError("FAILED", `${path} has more than ${mostFiles} files`);
    files.set(name, { kind, start, size });
  }
  if (files.size === 0) throw new AskError("FAILED", `${path} is no tar archive, or an empty one`);
  return files;
}

const packed: readonly (readonly [start: readonly number[], unpack: string])[] = [
  [[0x1f, 0x8b], "gunzip"],
  [[0x28, 0xb5, 0x2f, 0xfd], "unzstd"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "unxz"],
  [[0x42, 0x5a, 0x68], "bunzip2"],
];

/** What is packed can be read in one direction alone, and its lists come last. */
async function needPlain(path: string, file: FileHandle): Promise<void> {
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  const found = packed.find(([start]) => start.every((byte, at) => buffer[at] === byte));
  if (found === undefined) return;
  throw new AskError("FAILED", `${path} is packed; unpack it first: ${found[1]} -k ${path}`);
}

/** A stranger's name, for a terminal. */
export function shown(name: string): string {
  return JSON.stringify(name.slice(0, 200)).replace(/[^\x20-\x7e]/g, "?");
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
