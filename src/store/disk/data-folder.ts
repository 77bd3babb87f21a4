/**
 * The folder everything is kept in: one process at a time, one format, and a marker that tells a
 * clean stop from a crash. Only files of our own naming are ever touched.
 *
 *     VERSION  lock  lock.pid  clean  ca/  blobs/  partial/  quarantine/  records.sqlite
 */
import {
  access,
  constants,
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  unlink,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { StoreError, storeErrorFrom } from "../store-error.ts";
import { parseVerified, printVerified, type Verified } from "./clean-marker.ts";
import { nodeFileSystem, storeFailure, syncPath, systemCode } from "./file-system.ts";
import { format, needKnownFormat, upgrade } from "./folder-format.ts";
import { refuseForeignFiles } from "./foreign-files.ts";
import { type Lock, takeLock } from "./lock-file.ts";
import { mapName, partialName } from "./partial-downloads.ts";
import { mapPathOf, readMap } from "./partial-map.ts";
import { unfinishedRestore } from "./restored-folder.ts";
import { writeWhole } from "./whole-file.ts";

/** What drafts are called; the sweep at start takes these, and after a crash what they left. */
export const draftName = /^[0-9a-f]{32}\.draft(?:-journal)?$/;

export type DataFolder = {
  readonly path: string;
  /** What the last clean stop vouched for; nothing after a crash. */
  readonly verified: Verified;
  /** Which start of the machine this is; undefined where the system does not say. */
  readonly boot?: string | undefined;
  /** Leaves the marker of a clean stop. Throws StoreError. */
  markClean(verified: Verified): Promise<void>;
  /** Lets the next process in. Idempotent. */
  close(): void;
};

/**
 * Makes the folder if need be and takes it for this process. Throws StoreError LOCKED, FORMAT or IO
 * with a sentence for the operator.
 */
export async function openDataFolder(path: string, boot?: string): Promise<DataFolder> {
  await makeRoot(path);
  const written = await readFormat(path);
  if (written === undefined) await refuseForeignFiles(path);
  const lock = takeLock(path);
  try {
    if (written !== undefined) await upgrade(path, written);
    return await prepare({ path, lock, boot: boot ?? (await bootId()) }, written === undefined);
  } catch (error) {
    lock.release();
    throw storeFailure(error, `prepare ${path}`);
  }
}

/** Whether openDataFolder could take it, as far as that shows without changing anything. Throws StoreError. */
export async function checkDataFolder(path: string): Promise<void> {
  const { place, isThere } = await nearestThere(path);
  if (!(await stat(place)).isDirectory()) throw unusable(path, isThere ? "EEXIST" : "ENOTDIR");
  try {
    await access(place, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = systemCode(error) ?? String(error);
    throw unusable(path, isThere && code === "EACCES" ? "NOT_OURS" : code, error);
  }
  if (isThere && (await readFormat(path)) === undefined) await refuseForeignFiles(path);
}

/** The folder itself, or the one above in which it would be made. */
async function nearestThere(path: string): Promise<{ place: string; isThere: boolean }> {
  for (let place = path; ; place = dirname(place)) {
    try {
      await stat(place);
      return { place, isThere: place === path };
    } catch (error) {
      const code = systemCode(error);
      const isAbsent = code === "ENOENT" || code === "ENOTDIR";
      if (!isAbsent || place === dirname(place)) throw unusable(path, code ?? String(error), error);
    }
  }
}

const cannotBeMade: Readonly<Record<string, string>> = {
  EEXIST: "is a file; use a folder",
  ENOTDIR: "lies below a file; use another folder",
  EROFS: "lies on a read-only disk; use another folder",
  NOT_OURS: "is closed to this user; chown it to this user, or use another folder",
  EACCES: "may not be made by this user; make it and chown it to this user, or use another folder",
};

async function makeRoot(path: string): Promise<void> {
  try {
    await makeFolders(path);
  } catch (error) {
    throw unusable(path, systemCode(error) ?? String(error), error);
  }
}

function unusable(path: string, why: string, cause?: unknown): StoreError {
  const sentence = cannotBeMade[why] ?? `cannot be made (${why}); use another folder`;
  return storeErrorFrom(cause, "FORMAT", `${path} ${sentence}`);
}

/** Node's own recursive mkdir never returns where the system says that a parent it made is not there (/proc). */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const code = systemCode(error);
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path) throw error;
    await makeFolders(parent);
    await mkdir(path, { mode: 0o700 });
  }
}

/** Throws StoreError FORMAT when no start may use it. */
async function readFormat(path: string): Promise<string | undefined> {
  if ((await readIfThere(join(path, unfinishedRestore))) !== undefined) {
    const sentence = `a restore into ${path} was broken off; run entrepot restore again`;
    throw new StoreError("FORMAT", sentence);
  }
  const text = (await readIfThere(join(path, "VERSION")))?.trim();
  if (text !== undefined) needKnownFormat(path, text);
  return text;
}

type Taken = Pick<DataFolder, "path" | "boot"> & { readonly lock: Lock };

async function prepare({ path, lock, boot }: Taken, isNew: boolean): Promise<DataFolder> {
  for (const name of ["blobs", "partial"]) {
    await mkdir(join(path, name), { recursive: true, mode: 0o700 });
  }
  const marker = join(path, "clean");
  const isEmpty = isNew && (await readdir(join(path, "blobs"))).length === 0;
  const vouched = await readIfThere(marker);
  const verified = isEmpty ? "all" : parseVerified(vouched);
  await removeIfThere(marker);
  if (isNew) await writeWhole(path, "VERSION", `${format}\n`);
  // From here on a crash is seen as one: the marker's absence must outlive a power cut too.
  await syncPath(nodeFileSystem, path);
  await sweepDrafts(join(path, "partial"), { wasClean: vouched !== undefined, boot });
  return {
    path,
    ...{ verified, boot },
    markClean: (known) => writeWhole(path, "clean", printVerified(known)),
    close: () => lock.release(),
  };
}

type LastRun = { readonly wasClean: boolean; readonly boot: string | undefined };

/** After a crash of this process alone what a map names is there, and waits for whoever goes on with it. */
async function sweepDrafts(folder: string, last: LastRun): Promise<void> {
  const names = await readdir(folder);
  for (const name of names.filter((each) => partialName.test(each))) {
    const path = join(folder, name);
    if (!last.wasClean && !(await isOf(last, path))) await removeIfThere(path);
  }
  for (const name of names.filter((each) => draftName.test(each))) {
    const path = join(folder, name);
    if (await isOf(last, path)) await setAside(folder, name);
    else await removeIfThere(path);
  }
  const left = new Set(await readdir(folder));
  for (const name of left) {
    const isNobodys = mapName.test(name) && !left.has(name.replace(/\.map$/, ""));
    if (isNobodys) await removeIfThere(join(folder, name));
  }
}

async function isOf({ boot }: LastRun, path: string): Promise<boolean> {
  const map = await readMap(nodeFileSystem, path);
  return map !== undefined && map.boot === boot && partialName.test(map.name);
}

async function setAside(folder: string, draft: string): Promise<void> {
  const path = join(folder, draft);
  const place = join(folder, (await readMap(nodeFileSystem, path))?.name ?? draft);
  await removeIfThere(mapPathOf(place));
  await rename(path, place);
  await rename(mapPathOf(path), mapPathOf(place));
}

/** Undefined where the system does not say. */
async function bootId(): Promise<string | undefined> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => undefined))?.trim();
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw storeFailure(error, `read ${path}`);
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}
