/** Whether the data folder is one user's: files that somebody else left in it stop the server where it needs them. */
import type { Dirent, Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import type { Examination } from "./examination.ts";
import { type Symptom, wrong } from "./symptom.ts";

/** Folders of thousands of files; what is wrong with one of those shows in its first. */
const mostInFolder = 200;
const deepest = 3;

export async function lookAtOwners({ settings }: Examination): Promise<readonly Symptom[]> {
  const folder = resolve(settings.files.dataDir);
  const own = await lstat(folder).catch(() => undefined);
  if (own === undefined) return [];
  const others: { path: string; uid: number }[] = [];
  await walk(folder, deepest, (path, { uid }) => {
    if (uid !== own.uid) others.push({ path: relative(folder, path), uid });
  });
  const [first] = others;
  if (first === undefined) return [];
  const many = others.length === 1 ? "" : ` and ${others.length - 1} more`;
  const what = `${first.path}${many} in ${folder} belongs to user ${first.uid}, and the folder to user ${own.uid}`;
  return [wrong(what, `chown -R ${own.uid}:${own.gid} ${folder}`)];
}

async function walk(
  folder: string,
  depth: number,
  see: (path: string, its: Stats) => void,
): Promise<void> {
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries.slice(0, mostInFolder)) {
    const path = join(folder, entry.name);
    const its = await lstat(path).catch(() => undefined);
    if (its === undefined) continue;
    see(path, its);
    if (entry.isDirectory() && depth > 1) await walk(path, depth - 1, see);
  }
}
