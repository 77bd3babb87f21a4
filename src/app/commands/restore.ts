/** `entrepot restore DIR`: an empty data folder becomes what the backup in DIR was taken of. */
import { existsSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readBackup } from "../../store/disk/backup-folder.ts";
import { storeFailure } from "../../store/disk/file-system.ts";
import { format } from "../../store/disk/folder-format.ts";
import { RestoredFolder } from "../../store/disk/restored-folder.ts";
import {
  type CarriedPushed,
  carryPushed,
  summary,
  type Terminal,
  tellCarried,
  toldWhy,
} from "./carrying.ts";
import type { ServerAsked } from "./control.ts";

/** Resolves with the exit code: 1 where something is lost. Throws AskError. */
export function restore(asked: ServerAsked, from: string, terminal: Terminal): Promise<number> {
  return toldWhy(restoring(asked, from, terminal));
}

async function restoring(asked: ServerAsked, from: string, terminal: Terminal): Promise<number> {
  const source = resolve(from);
  const { begunAt } = await readBackup(source);
  const folder = await RestoredFolder.begin(
    resolve(asked.dataDir ?? (asked.environment.DATA_DIR || "./data")),
  );
  try {
    const carried = await take(source, folder.path, terminal);
    await folder.finish(format);
    const done = `${folder.path} is as it was at ${begunAt}: ${summary(carried)} and the keys`;
    return tellCarried(done, carried.lost, terminal);
  } finally {
    folder.release();
  }
}

async function take(from: string, to: string, terminal: Terminal): Promise<CarriedPushed> {
  const records = join(from, "hosted.sqlite");
  try {
    if (existsSync(records)) await copyFile(records, join(to, "hosted.sqlite"));
    return await carryPushed({ from, to }, terminal);
  } catch (error) {
    throw storeFailure(error, `restore ${from}`);
  }
}
