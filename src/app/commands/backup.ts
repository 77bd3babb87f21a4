/**
 * `entrepot backup DIR`: what was pushed here and the keys, while a server goes on with it or without
 * one. The folder is a backup once all of it is there, and empty again when it fails.
 */
import { existsSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { systemClock } from "../../runtime/clock.ts";
import { NewBackup } from "../../store/disk/backup-folder.ts";
import { storeFailure } from "../../store/disk/file-system.ts";
import { takeLock } from "../../store/disk/lock-file.ts";
import { SqlitePushedRecords } from "../../store/sqlite/sqlite-pushed-records.ts";
import { readBuild } from "../build.ts";
import { openPushed, placeOfRecords } from "../compose/records.ts";
import {
  type CarriedPushed,
  carryPushed,
  summary,
  type Terminal,
  tellCarried,
  toldWhy,
} from "./carrying.ts";
import { AskError, dataFolder, type ServerAsked } from "./control.ts";
import { holdServer } from "./held-server.ts";
import { settingsIn } from "./settings-in.ts";

/** What was pushed, kept as it is. */
type Held = {
  /** Into this file, if anything ever was pushed. Throws StoreError. */
  readonly copyRecords: (to: string) => Promise<void>;
  /** Throws AskError once it is held no longer. */
  readonly check: () => void;
  readonly release: () => Promise<void>;
};

/** Resolves with the exit code: 1 where something is lost. Throws AskError. */
export function backUp(asked: ServerAsked, to: string, terminal: Terminal): Promise<number> {
  return toldWhy(backingUp(asked, to, terminal));
}

async function backingUp(asked: ServerAsked, to: string, terminal: Terminal): Promise<number> {
  const folder = dataFolder(asked);
  const begunAt = new Date().toISOString();
  const held = await hold(folder, asked);
  try {
    const backup = await NewBackup.begin(resolve(to));
    try {
      await held.copyRecords(join(backup.path, "hosted.sqlite"));
      const carried = await carryPushed({ from: folder, to: backup.path }, terminal);
      held.check();
      const { blobs, bytes, lost } = carried;
      const { version } = readBuild();
      const digests = lost.map(({ digest }) => digest);
      await backup.finish({ begunAt, version, blobs, bytes, lost: digests });
      return tellCarried(backedUp(carried, backup.path), lost, terminal);
    } finally {
      await backup.discard();
    }
  } finally {
    await held.release();
  }
}

/** By the server, or where none runs by ourselves. */
async function hold(folder: string, asked: ServerAsked): Promise<Held> {
  try {
    const { records, check, release } = await holdServer(folder);
    const copyRecords = async (to: string) => {
      if (records !== undefined) await copyOver(records, to);
    };
    return { copyRecords, check, release: async () => release() };
  } catch (error) {
    if (!(error instanceof AskError) || error.code !== "NO_SERVER") throw error;
    if (!existsSync(join(folder, "VERSION"))) throw error;
    return holdAlone(folder, asked);
  }
}

function holdAlone(folder: string, asked: ServerAsked): Held {
  const lock = takeLock(folder);
  return {
    copyRecords: async (to) => {
      const path = join(folder, "hosted.sqlite");
      if (!existsSync(path)) {
        if (!existsSync(join(folder, "uploads"))) return;
        if (await isCopiedFromServer(folder, asked, to)) return;
        throw new AskError("FAILED", `${path} is gone, and says what was pushed here`);
      }
      const records = await SqlitePushedRecords.open(path, { mayBeNew: false });
      try {
        await records.copyTo(to);
      } finally {
        await records.close();
      }
    },
    check: () => undefined,
    release: async () => lock.release(),
  };
}

/** False where records are files, by the settings that a start here would have. */
async function isCopiedFromServer(
  folder: string,
  asked: ServerAsked,
  to: string,
): Promise<boolean> {
  const place = await placeOfRecords(await settingsIn(asked, [["DATA_DIR", folder]]));
  if (place.kind === "sqlite") return false;
  const log = { store: () => undefined };
  const pushed = await openPushed({ folder, place, clock: systemClock, log }, false);
  if (pushed === undefined) return false;
  try {
    await pushed.copyTo(to);
    return true;
  } finally {
    await pushed.records.close();
  }
}

/** The server's copy lies in its folder, and goes when it is told. */
async function copyOver(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (error) {
    throw storeFailure(error, `copy the records to ${to}`);
  }
}

function backedUp(carried: CarriedPushed, path: string): string {
  const { blobs, isLinked } = carried;
  const how = isLinked && blobs > 0 ? "; layers are linked, since both are on one disk" : "";
  return `backed up ${summary(carried)} and the keys to ${path}${how}`;
}
