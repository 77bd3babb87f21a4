/** The files of a Debian that has next to nothing, made once and kept; systems are started on copies. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { runWell } from "./program.ts";

const kept = join(homedir(), ".cache/entrepot-journeys/minimal-bookworm");
const packages = "systemd-sysv,dbus,iproute2,procps,ca-certificates";

/** Whom this computer trusts besides, as files for a machine that is to do so too. */
export async function ownAuthorities(): Promise<Record<string, string>> {
  const folder = "/usr/local/share/ca-certificates";
  const names = (await readdir(folder)).filter((name) => name.endsWith(".crt"));
  const read = async (path: string) => [path, await readFile(path, "utf8")] as const;
  return Object.fromEntries(await Promise.all(names.map((name) => read(join(folder, name)))));
}

/** Its folder. Takes minutes the first time. */
export async function minimalDebian(): Promise<string> {
  if (existsSync(kept)) return kept;
  const made = `${kept}.${process.pid}`;
  await mkdir(made, { recursive: true });
  try {
    const args = ["--variant=minbase", `--include=${packages}`, "--dpkgopt=force-unsafe-io"];
    await runWell("mmdebstrap", [...args, "bookworm", made], { limitMs: 900_000 });
    await rename(made, kept);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  return kept;
}
