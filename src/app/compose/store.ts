/** What is kept, on this machine's disk. Opening it takes the data folder for this process. */
import { randomBytes } from "node:crypto";
import { access, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { KeptForBackup } from "../../doors/back-office/operations.ts";
import { Catalogue } from "../../hosted/catalogue.ts";
import { type DataFolder, openDataFolder } from "../../store/disk/data-folder.ts";
import { DiskBlobStore } from "../../store/disk/disk-blob-store.ts";
import { type FileSystem, nodeFileSystem } from "../../store/disk/file-system.ts";
import { makeRoomToStart } from "../../store/disk/room-to-start.ts";
import { Holds } from "../../store/holds.ts";
import { ThreadedRecords } from "../../store/keyv/threaded-records.ts";
import { SqlitePushedRecords } from "../../store/sqlite/sqlite-pushed-records.ts";
import { StoreError } from "../../store/store-error.ts";
import type { Log } from "../log.ts";

export type Store = Awaited<ReturnType<typeof composeStore>>;

type StoreOptions = {
  readonly isHosting: boolean;
  /** Where blobs lie; left out, Node's own. */
  readonly fs?: FileSystem | undefined;
};

/** Throws StoreError with a sentence for the operator. */
export async function composeStore(
  path: string,
  log: Pick<Log, "store">,
  over: StoreOptions = { isHosting: false },
) {
  const folder = await openDataFolder(path);
  try {
    return await openParts(folder, log, over);
  } catch (error) {
    folder.close();
    throw error;
  }
}

async function openParts(folder: DataFolder, log: Pick<Log, "store">, over: StoreOptions) {
  const { isHosting, fs = nodeFileSystem } = over;
  const holds = new Holds();
  const pushed = await openPushed(folder, isHosting);
  try {
    // Before anything is deleted to make room: what was pushed here is not to be.
    const catalogue = pushed === undefined ? undefined : await Catalogue.load(pushed, holds);
    return await openOver(folder, log, { fs, holds, pushed, catalogue });
  } catch (error) {
    await pushed?.close();
    throw error;
  }
}

/**
 * Also where nothing is hosted any more: what was pushed stays. The folder of uploads is made after the
 * file: where it is, a file that is gone or empty was lost, and all that was pushed would be evicted.
 */
async function openPushed(folder: DataFolder, isHosting: boolean) {
  const path = join(folder.path, "hosted.sqlite");
  const mayBeNew = !(await isThere(join(folder.path, "uploads")));
  if (await isThere(path)) return SqlitePushedRecords.open(path, { mayBeNew });
  if (!mayBeNew) {
    const sentence = `${path} is gone, and says what was pushed here; restore it from a backup, or begin anew in another DATA_DIR`;
    throw new StoreError("RECORDS", sentence);
  }
  return isHosting ? SqlitePushedRecords.open(path) : undefined;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

type Held = {
  readonly fs: FileSystem;
  readonly holds: Holds;
  readonly pushed: SqlitePushedRecords | undefined;
  /** What was pushed here; undefined where nothing ever was. */
  readonly catalogue: Catalogue | undefined;
};

async function openOver(folder: DataFolder, log: Pick<Log, "store">, held: Held) {
  const { fs, holds, pushed, catalogue } = held;
  const blobs = await DiskBlobStore.open(folder, { fs, holds, observe: log.store });
  await makeRoomToStart(folder.path, blobs, log.store);
  await mkdir(join(folder.path, "ca"), { recursive: true, mode: 0o700 });
  const records = await ThreadedRecords.open(join(folder.path, "records.sqlite"), {
    observe: log.store,
  });
  const close = async (deadline: AbortSignal): Promise<void> => {
    try {
      await pushed?.close();
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
  const keepStill = () => keepPushed(folder, holds, pushed);
  return { folder, holds, catalogue, blobs, records, degraded, keepStill, close };
}

/** What was pushed as it is now, for a backup. Throws StoreError. */
async function keepPushed(
  folder: DataFolder,
  holds: Holds,
  pushed: SqlitePushedRecords | undefined,
): Promise<KeptForBackup> {
  if (pushed === undefined) return { records: undefined, release: async () => undefined };
  // A draft: what a crash leaves of it is swept at the next start.
  const records = join(folder.path, "partial", `${randomBytes(16).toString("hex")}.draft`);
  const letGo = holds.keepAll();
  const release = async (): Promise<void> => {
    letGo();
    await rm(records, { force: true });
  };
  try {
    await pushed.copyTo(records);
    return { records, release };
  } catch (error) {
    await release();
    throw error;
  }
}
