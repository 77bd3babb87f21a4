/** At which commit a clone stands, from the files that git keeps of it: git itself may not be installed. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Undefined where this folder is no clone, or nothing was committed yet. */
export function commitOfClone(root: string): string | undefined {
  const folder = gitFolder(root);
  const head = textOf(join(folder, "HEAD"));
  const branch = /^ref: (.+)$/.exec(head)?.[1];
  const commit = branch === undefined ? head : commitOfBranch(folder, branch);
  return /^[0-9a-f]{40,64}$/.test(commit) ? commit : undefined;
}

/** Of a second work tree there is only a file that says where. */
function gitFolder(root: string): string {
  const folder = join(root, ".git");
  const elsewhere = /^gitdir: (.+)$/.exec(textOf(folder))?.[1];
  return elsewhere === undefined ? folder : resolve(root, elsewhere);
}

/** Work trees have their branches in common, and seldom moved ones are in one file. */
function commitOfBranch(folder: string, branch: string): string {
  const common = resolve(folder, textOf(join(folder, "commondir")));
  const own = textOf(join(common, branch));
  if (own !== "") return own;
  const packed = textOf(join(common, "packed-refs")).split("\n");
  const [commit = ""] = packed.find((line) => line.endsWith(` ${branch}`))?.split(" ") ?? [];
  return commit;
}

/** Without the last line's end; "" for a file that is not there. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trimEnd();
  } catch {
    return "";
  }
}
