/** Fills a data folder with names: for what looks at no bytes, one file does for thousands of blobs. */
import { link, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "./seeded.ts";

/** A file system allows so many names for one file, or a few more. */
const namesPerFile = 10_000;
const atOnce = 100;

/** Nothing of it is what its name says but the size. */
export async function makeManyBlobs(dataDir: string, count: number, size: number): Promise<void> {
  const root = join(dataDir, "blobs", "sha256");
  await mkdir(root, { recursive: true });
  const prefixes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
  await Promise.all(prefixes.map((prefix) => mkdir(join(root, prefix), { recursive: true })));
  for (let start = 0; start < count; start += atOnce) {
    const batch = Math.min(atOnce, count - start);
    if (start % namesPerFile === 0) await writeFile(source(dataDir, start), Buffer.alloc(size));
    await Promise.all(Array.from({ length: batch }, (_, index) => add(start + index)));
  }

  async function add(index: number): Promise<void> {
    const hex = sha256(Buffer.from(String(index))).slice("sha256:".length);
    await link(source(dataDir, index), join(root, hex.slice(0, 2), `${hex}.${size}`));
  }
}

/** Beside the data folder. */
function source(dataDir: string, index: number): string {
  return `${dataDir}-file-${Math.floor(index / namesPerFile)}`;
}
