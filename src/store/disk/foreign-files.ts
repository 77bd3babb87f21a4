/**
 * Keeps us out of folders that are somebody else's: a home, the root of a disk, another program's data.
 * A folder is ours by its VERSION; without one it may hold what a first start left that failed half-way,
 * a CA put there beforehand, and what says nothing of whose it is.
 */
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "../store-error.ts";
import { systemCode } from "./file-system.ts";

const ourNames =
  /^(?:VERSION\.new|lock(?:\.pid|-journal)?|clean(?:\.new)?|token\.secret|records\.sqlite(?:-\w+)?|ca|acme|blobs|partial|quarantine|front-door-\w{6})$/;
/** What comes to lie there while we run, besides. */
const laterNames =
  /^(?:VERSION|uploads|restore\.unfinished|(?:hosted|statistics)\.sqlite(?:-\w+)?|control\.sock|records\.owed)$/;
/** Dot files, and what file systems put into their root. */
const nobodysNames = /^(?:\..*|lost\+found)$/;

/** Whether something in DATA_DIR that is called so is ours. */
export function isOwnName(name: string): boolean {
  return ourNames.test(name) || laterNames.test(name);
}

/** For a folder without VERSION. Throws StoreError FORMAT with a sentence that names a file of others. */
export async function refuseForeignFiles(path: string): Promise<void> {
  const name = await foreignName(path);
  if (name === undefined) return;
  const shown = JSON.stringify(name.slice(0, 80));
  const remedy = `use an empty folder, such as ${join(path, "entrepot")}, or one that was DATA_DIR before`;
  throw new StoreError(
    "FORMAT",
    `${path} holds files that are not ours, such as ${shown}; ${remedy}`,
  );
}

async function foreignName(path: string): Promise<string | undefined> {
  try {
    for await (const { name } of await opendir(path)) {
      if (!ourNames.test(name) && !nobodysNames.test(name)) return name;
    }
    return undefined;
  } catch (error) {
    // Who may not look may still be allowed to write; whatever else is wrong, the next step says.
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}
