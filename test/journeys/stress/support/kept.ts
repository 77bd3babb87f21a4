/** What lies in a data folder, looked at from outside. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

export type Kept = {
  readonly blobs: number;
  /** Final files whose bytes or size are not those of their name. */
  readonly wrong: readonly string[];
};

/** Hashes everything under a final name; nobody may write meanwhile. */
export async function inspectKept(dataDir: string): Promise<Kept> {
  const wrong: string[] = [];
  let blobs = 0;
  for (const path of await finalFiles(dataDir)) {
    blobs += 1;
    if (!(await isRight(path))) wrong.push(path);
  }
  return { blobs, wrong };
}

/** Names of what is half written; what was set aside to be taken up again is not. */
export async function partialFiles(dataDir: string): Promise<string[]> {
  const names = await readdir(join(dataDir, "partial")).catch(() => []);
  return names.filter((name) => !name.endsWith(".left"));
}

/** Bytes under final names, as they are now. */
export async function keptBytes(dataDir: string): Promise<number> {
  let bytes = 0;
  for (const path of await finalFiles(dataDir)) {
    bytes += await stat(path).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return bytes;
}

export async function finalFiles(dataDir: string): Promise<string[]> {
  const blobs = join(dataDir, "blobs");
  const entries = await readdir(blobs, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function isRight(path: string): Promise<boolean> {
  const [, algorithm = "", hex = "", size = ""] =
    /\/(sha256|sha512)\/[0-9a-f]{2}\/([0-9a-f]+)\.(\d+)$/.exec(path) ?? [];
  if (algorithm === "" || (await stat(path)).size !== Number(size)) return false;
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex") === hex;
}
