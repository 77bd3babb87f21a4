/**
 * The calls the disk adapter makes, passed in so that a test can let any one of them fail, and the
 * one place where a failed call becomes a StoreError.
 */
import { lstat, mkdir, open, readdir, rename, statfs, unlink } from "node:fs/promises";
import { StoreError, storeErrorFrom } from "../store-error.ts";

export type FileFacts = {
  readonly size: number;
  readonly dev: number;
  readonly ino: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  isFile(): boolean;
};

/** An open file; its owner closes it. */
export interface OpenFile {
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  stat(): Promise<FileFacts>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileSystem {
  open(path: string, flags: string | number, mode?: number): Promise<OpenFile>;
  lstat(path: string): Promise<FileFacts>;
  mkdir(path: string, options: { readonly mode: number }): Promise<unknown>;
  readdir(path: string): Promise<readonly string[]>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  statfs(
    path: string,
  ): Promise<{ readonly bavail: number; readonly blocks: number; readonly bsize: number }>;
}

export const nodeFileSystem: FileSystem = {
  open,
  lstat,
  mkdir,
  readdir: (path) => readdir(path),
  rename,
  unlink,
  statfs,
};

/** Which file it is, whatever its name; nobody else has it as long as it is open. */
export function identityOf({ dev, ino }: FileFacts): string {
  return `${dev}:${ino}`;
}

/** The code of a failed system call (`ENOENT` …), or undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Too many files are open, here or on the whole machine: that says nothing of the disk. */
export function isOutOfFiles(error: unknown): boolean {
  const code = systemCode(error);
  return code === "EMFILE" || code === "ENFILE";
}

/** What a failed call means to the rest of the house; `what` reads "cannot <what>". */
export function storeFailure(error: unknown, what: string): StoreError {
  if (error instanceof StoreError) return error;
  const code = systemCode(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return storeErrorFrom(error, "FULL", `cannot ${what}: no room left on the volume`);
  }
  return storeErrorFrom(error, "IO", `cannot ${what}: ${code ?? String(error)}`);
}

/** Makes a folder; true if it was not there before. Its parent must exist. */
export async function makeFolder(fs: FileSystem, path: string): Promise<boolean> {
  try {
    await fs.mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Waits until the file's bytes, or the folder's names, survive a power cut. */
export async function syncPath(fs: FileSystem, path: string): Promise<void> {
  const file = await fs.open(path, "r");
  try {
    await file.sync();
  } finally {
    await closeQuietly(file);
  }
}

/** A close that fails has nothing to tell anybody: what mattered was synced or was not promised. */
export async function closeQuietly(file: OpenFile): Promise<void> {
  try {
    await file.close();
  } catch {
    // The descriptor is gone either way (close(2)).
  }
}
