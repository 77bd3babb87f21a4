/** What is kept, on this machine's disk. Opening it takes the data folder for this process. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type DataFolder, openDataFolder } from "../../store/disk/data-folder.ts";
import { DiskBlobStore } from "../../store/disk/disk-blob-store.ts";
import { makeRoomToStart } from "../../store/disk/room-to-start.ts";
import { Holds } from "../../store/holds.ts";
import { ThreadedRecords } from "../../store/keyv/threaded-records.ts";
import type { Log } from "../log.ts";

export type Store = Awaited<ReturnType<typeof composeStore>>;

/** Throws StoreError with a sentence for the operator. */
export async function composeStore(path: string, log: Pick<Log, "store">) {
  const folder = await openDataFolder(path);
  try {
    return await openParts(folder, log);
  } catch (error) {
    folder.close();
    throw error;
  }
}

async function openParts(folder: DataFolder, log: Pick<Log, "store">) {
  const holds = new Holds();
  const blobs = await DiskBlobStore.open(folder, { holds, observe: log.store });
  await makeRoomToStart(folder.path, blobs, log.store);
  await mkdir(join(folder.path, "ca"), { recursive: true, mode: 0o700 });
  const records = await ThreadedRecords.open(join(folder.path, "records.sqlite"), {
    observe: log.store,
  });
  const close = async (deadline: AbortSignal): Promise<void> => {
    try {
      await records.close();
      // A stop is a stop, also on a disk that is full.
      await blobs.close(deadline).catch((error: unknown) => {
        log.store({ kind: "markerFailed", error });
      });
    } finally {
      folder.close();
    }
  };
  /** Sentences about what it cannot do for now. */
  const degraded = (): readonly string[] => records.degraded;
  return { folder, holds, blobs, records, degraded, close };
}
