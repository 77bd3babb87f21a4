/** What is kept, on this machine's disk, and records, there or at a server. Opening it takes the data folder for this process. */
import { randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { KeptForBackup } from "../../doors/back-office/operations.ts";
import type { Catalogue } from "../../hosted/catalogue.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type DataFolder, openDataFolder } from "../../store/disk/data-folder.ts";
import { DiskBlobStore } from "../../store/disk/disk-blob-store.ts";
import { type FileSystem, nodeFileSystem } from "../../store/disk/file-system.ts";
import { makeRoomToStart } from "../../store/disk/room-to-start.ts";
import { Holds } from "../../store/holds.ts";
import type { Log } from "../log.ts";
import type { RecordsPlace } from "../settings/records-kinds.ts";
import { type OpenPushed, openPushed, openRecords, type RecordsParts } from "./records.ts";

export type Store = Awaited<ReturnType<typeof composeStore>>;

type StoreOptions = {
  readonly isHosting: boolean;
  /** Left out, files in the data folder. */
  readonly records?: RecordsPlace;
  readonly clock?: Clock;
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
  const { isHosting, records: place = { kind: "sqlite" }, clock = systemClock } = over;
  const holds = new Holds();
  const parts: RecordsParts = { folder: folder.path, place, clock, log };
  const pushed = await openPushed(parts, isHosting);
  try {
    // Before anything is deleted to make room: what was pushed here is not to be.
    const catalogue = pushed && (await loadCatalogue(pushed, holds));
    const { fs = nodeFileSystem } = over;
    return await openOver(folder, parts, { fs, holds, pushed, catalogue });
  } catch (error) {
    await pushed?.records.close();
    throw error;
  }
}

/** Where nothing was ever pushed what would be needed for it takes no memory. */
async function loadCatalogue({ records }: OpenPushed, holds: Holds): Promise<Catalogue> {
  const hosted = await import("../../hosted/catalogue.ts");
  return hosted.Catalogue.load(records, holds);
}

type Held = {
  readonly fs: FileSystem;
  readonly holds: Holds;
  readonly pushed: OpenPushed | undefined;
  /** What was pushed here; undefined where nothing ever was. */
  readonly catalogue: Catalogue | undefined;
};

async function openOver(folder: DataFolder, parts: RecordsParts, held: Held) {
  const { log } = parts;
  const { fs, holds, pushed, catalogue } = held;
  const blobs = await DiskBlobStore.open(folder, { fs, holds, observe: log.store });
  await makeRoomToStart(folder.path, blobs, log.store);
  await mkdir(join(folder.path, "ca"), { recursive: true, mode: 0o700 });
  const records = await openRecords(parts);
  const close = async (deadline: AbortSignal): Promise<void> => {
    try {
      await pushed?.records.close();
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
  const degraded = (): readonly string[] => [...records.degraded, ...(pushed?.degraded() ?? [])];
  const warnings = pushed?.warnings ?? [];
  const keepStill = () => keepPushed(folder, holds, pushed);
  return { folder, holds, catalogue, blobs, records, degraded, warnings, keepStill, close };
}

/** What was pushed as it is now, for a backup. Throws StoreError. */
async function keepPushed(
  folder: DataFolder,
  holds: Holds,
  pushed: OpenPushed | undefined,
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
