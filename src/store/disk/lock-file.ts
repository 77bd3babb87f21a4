/**
 * Keeps a second process out of the data folder. Node has no flock, so the lock is a SQLite file held
 * with BEGIN EXCLUSIVE for life: the kernel frees it with the process, also after kill -9 and also
 * when the holder runs in another PID namespace. It takes no room, for the volume may be full. The
 * pid beside it is only for the message.
 */
import { lchownSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { storeErrorFrom } from "../store-error.ts";
import { storeFailure } from "./file-system.ts";

const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_CANTOPEN = 14;

export type Lock = {
  /** Idempotent. */
  release(): void;
};

/** Throws StoreError LOCKED naming the holder, or IO when the folder does not allow locks. */
export function takeLock(folder: string): Lock {
  const pidFile = join(folder, "lock.pid");
  const database = openExclusively(folder, pidFile);
  try {
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
    leaveToOwner(folder, pidFile);
  } catch (error) {
    const failure = storeFailure(error, `write ${pidFile}`);
    if (failure.code !== "FULL") {
      database.close();
      throw storeErrorFrom(error, "IO", `${folder} cannot be written`);
    }
  }
  let isHeld = true;
  const release = (): void => {
    if (!isHeld) return;
    isHeld = false;
    try {
      rmSync(pidFile, { force: true });
    } catch {
      // Then it names one who is gone; the lock alone decides.
    }
    database.close();
  };
  return { release };
}

/** What a command of root's leaves behind must not keep the server's own user out. */
function leaveToOwner(folder: string, pidFile: string): void {
  const { uid, gid } = statSync(folder);
  if (process.getuid?.() !== 0 || uid === 0) return;
  try {
    for (const path of [pidFile, join(folder, "lock")]) lchownSync(path, uid, gid);
  } catch {
    // Not every root may. Both are taken away, or left, as they always were.
  }
}

function openExclusively(folder: string, pidFile: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(folder, "lock"), { timeout: 0 });
    // An empty database gets its first page at once, in memory, and a journal for it: that too in memory.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if (isBusy(error)) {
      throw storeErrorFrom(error, "LOCKED", `${folder} is in use by ${holder(pidFile)}`);
    }
    const sentence = isForbidden(error)
      ? "may not be written by this user; chown it to this user, or use another folder"
      : "cannot be locked; use a folder on a disk of this machine";
    throw storeErrorFrom(error, "IO", `${folder} ${sentence}`);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}

function isForbidden(error: unknown): boolean {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return code === SQLITE_READONLY || code === SQLITE_CANTOPEN;
}

function holder(pidFile: string): string {
  try {
    const pid = readFileSync(pidFile, "utf8").trim();
    return /^\d+$/.test(pid) ? `process ${pid}` : "another process";
  } catch {
    return "another process";
  }
}
