/** A disk store in a folder of its own, closed when the test is over, and restarts of it. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openDataFolder } from "../../../src/store/disk/data-folder.ts";
import {
  DiskBlobStore,
  type DiskBlobStoreOptions,
} from "../../../src/store/disk/disk-blob-store.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

export type OpenedStore = {
  readonly path: string;
  readonly store: DiskBlobStore;
  /** A clean stop. */
  readonly stop: () => Promise<void>;
  /** What kill -9 leaves behind, as far as the next start can see. */
  readonly crash: () => void;
};

export async function openStore(
  options: DiskBlobStoreOptions = {},
  path?: string,
  boot?: string,
): Promise<OpenedStore> {
  const folder = await openDataFolder(path ?? (await temporaryFolder()), boot);
  onTestFinished(() => folder.close());
  const store = await DiskBlobStore.open(folder, options);
  const stop = async () => {
    await store.close();
    folder.close();
  };
  return { path: folder.path, store, stop, crash: () => folder.close() };
}

/** Paths below `folder`, of files only. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
