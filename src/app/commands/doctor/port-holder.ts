/** Who listens on a port of this machine, as Linux tells it to who may know. */
import { readdir, readFile, readlink } from "node:fs/promises";

/** `nginx (pid 812)`; undefined where that is not known. */
export async function holderOf(port: number): Promise<string | undefined> {
  const tables = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => "")),
  );
  const inodes = tables.flatMap((table) => listenersIn(table, port));
  if (inodes.length === 0) return undefined;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (!(await hasOneOf(pid, inodes))) continue;
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "a process");
    return `${name.trim()} (pid ${pid})`;
  }
  return undefined;
}

/** Columns of proc(5): local address with its port in hex, state 0A is LISTEN, the tenth is the inode. */
function listenersIn(table: string, port: number): readonly string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    return state === "0A" && local.endsWith(`:${hex}`) && inode !== undefined ? [inode] : [];
  });
}

async function hasOneOf(pid: string, inodes: readonly string[]): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const descriptors = await readdir(folder).catch(() => []);
  const links = await Promise.all(
    descriptors.map((each) => readlink(`${folder}/${each}`).catch(() => "")),
  );
  return inodes.some((inode) => links.includes(`socket:[${inode}]`));
}
