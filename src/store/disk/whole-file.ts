/** Small files that are there with all of their bytes or not at all, also after a power cut. */
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { nodeFileSystem, storeFailure, syncPath } from "./file-system.ts";

/** Readable by its owner alone. Throws StoreError. */
export async function writeWhole(
  folder: string,
  name: string,
  content: string | Uint8Array,
): Promise<void> {
  const draft = join(folder, `${name}.new`);
  try {
    const file = await open(draft, "w", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, join(folder, name));
    await syncPath(nodeFileSystem, folder);
  } catch (error) {
    throw storeFailure(error, `write ${join(folder, name)}`);
  }
}
