/**
 * A container's start as root: the folders and files that the settings name are given to the user who is
 * to run the program, and root's rights end before anything listens. Of a folder only its top and what is
 * ours change hands; what others put there is left to them, and named.
 */
import { chown, lchown, lstat, mkdir, opendir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isSingleExecutable } from "../runtime/carried.ts";
import { checkDataFolder } from "../store/disk/data-folder.ts";
import { isOwnName } from "../store/disk/foreign-files.ts";
import type { Loaded } from "./settings/load.ts";
import type { Settings } from "./settings/settings.ts";
import { SettingsError } from "./settings/settings-error.ts";
import { imageVariable } from "./volumes.ts";

export type User = { readonly uid: number; readonly gid: number };

type Its = User & { readonly mode: number };

/** Nobody's on any usual system, and the one that distroless images have too. */
const usualId = 65_532;

/** PUID and PGID, or else the owner of the folder, or of the one it will be made in. Throws SettingsError. */
export async function userOf(
  { PUID = "", PGID = "" }: Readonly<Record<string, string | undefined>>,
  dataDir: string,
): Promise<User> {
  if (PUID !== "") {
    const uid = idOf("PUID", PUID);
    return { uid, gid: PGID === "" ? uid : idOf("PGID", PGID) };
  }
  for (const folder of [dataDir, dirname(dataDir)]) {
    const its = await stat(folder).catch(() => undefined);
    if (its !== undefined && its.uid !== 0) return { uid: its.uid, gid: its.gid || its.uid };
  }
  return { uid: usualId, gid: usualId };
}

function idOf(name: string, text: string): number {
  const id = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
  if (id > 0 && id < 2 ** 32 - 1) return id;
  throw new SettingsError([
    `${name} is ${JSON.stringify(text.slice(0, 20))}; write a number of 1 or more`,
  ]);
}

export class TakingOver {
  readonly #user: User;
  readonly #left: string[] = [];
  #given = 0;

  constructor(user: User) {
    this.#user = user;
  }

  /** Sentences about what changed hands and what did not. */
  said(): readonly string[] {
    const { uid, gid } = this.#user;
    const given =
      this.#given === 0 ? [] : [`${this.#given} files and folders now belong to ${uid}:${gid}`];
    return [...given, ...this.#left];
  }

  /** DATA_DIR, made if it is not there. Throws StoreError where it is somebody else's. */
  async takeDataFolder(path: string): Promise<void> {
    await checkDataFolder(path);
    await this.#try(path, async () => {
      await mkdir(path, { recursive: true, mode: 0o700 });
      for await (const { name } of await opendir(path)) {
        const inside = join(path, name);
        if (isOwnName(name)) await this.#takeTree(inside);
        else await this.#leave(inside);
      }
      await this.#take(path, await lstat(path));
    });
  }

  /** A file that is only to be read, and the folders above it, where the user could not. Throws SettingsError. */
  async takeFile(path: string): Promise<void> {
    const its = await stat(path).catch(() => undefined);
    // What is not there the start tells of.
    if (its === undefined) return;
    await this.#try(path, async () => {
      for (const folder of foldersAbove(path)) await this.#open(folder, 0o1);
      const isOpen = await this.#open(path, its.isDirectory() ? 0o5 : 0o4);
      if (!isOpen) this.#left.push(`${path} belongs to user ${its.uid} and was left to them`);
    });
  }

  /** Whether the user may, or may now: what is not root's is left alone. */
  async #open(path: string, wanted: number): Promise<boolean> {
    const its = await stat(path);
    if (this.#may(its, wanted)) return true;
    if (its.uid !== 0) return false;
    // The group stays: others of it may be reading too.
    await chown(path, this.#user.uid, its.gid);
    this.#given += 1;
    return true;
  }

  /** What is inside first: who was interrupted begins again. */
  async #takeTree(path: string): Promise<void> {
    const its = await lstat(path);
    if (its.uid === this.#user.uid) return;
    if (its.isDirectory()) {
      for await (const { name } of await opendir(path)) await this.#takeTree(join(path, name));
    }
    await this.#take(path, its);
  }

  /** Never through a link: whoever could write there would have root give away what it points to. */
  async #take(path: string, its: Its): Promise<void> {
    if (its.uid === this.#user.uid) return;
    try {
      await lchown(path, this.#user.uid, this.#user.gid);
      this.#given += 1;
    } catch (error) {
      // Shares of other machines have owners of their own making.
      if (!this.#may(its, 0o7)) throw error;
    }
  }

  async #leave(path: string): Promise<void> {
    const { uid } = await lstat(path);
    if (uid !== this.#user.uid) this.#left.push(`${path} is not ours and was left as it is`);
  }

  #may(its: Its, wanted: number): boolean {
    const { uid, gid } = this.#user;
    if (its.uid === uid) return (its.mode & (wanted << 6)) === wanted << 6;
    const shift = its.gid === gid ? 3 : 0;
    return (its.mode & (wanted << shift)) === wanted << shift;
  }

  async #try(path: string, change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : "refused";
      const { uid, gid } = this.#user;
      // What stands in the way, which may be a folder above it.
      const refused = cause instanceof Error && "path" in cause ? cause.path : path;
      const onHost = `chown -R ${uid}:${gid} on the host what is mounted there`;
      const instead =
        code === "EROFS" ? "mount it without :ro" : "write PUID and PGID of its owner";
      const remedy = `${instead}, or ${onHost}`;
      throw new SettingsError([`${refused} cannot be given to user ${uid} (${code}); ${remedy}`], {
        cause,
      });
    }
  }
}

function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [...foldersAbove(above), above];
}

/**
 * Goes on in this process's place as the user, once what the settings name is theirs. Returns only where
 * nobody is root in a container of ours. Throws SettingsError or StoreError with sentences.
 */
export async function endRoot(
  process: NodeJS.Process,
  load: () => Promise<Pick<Loaded, "settings" | "files">>,
): Promise<void> {
  if ((process.env[imageVariable] ?? "") === "" || process.getuid?.() !== 0) return;
  // Before --env-file is read into it: who takes over reads that again.
  const environment = { ...process.env, HOME: "/" };
  const { settings, files } = await load();
  const dataDir = resolve(settings.files.dataDir);
  const user = await userOf(environment, dataDir);
  needLeave(user, process);
  const taking = new TakingOver(user);
  await taking.takeDataFolder(dataDir);
  for (const path of [...files, ...filesNamed(settings)]) await taking.takeFile(path);
  for (const sentence of taking.said()) process.stderr.write(`entrepot: ${sentence}\n`);
  become(user, process);
  // A program of its own again: what /proc has of one that changed its user stays root's.
  const { execPath, execArgv, argv } = process;
  const program = isSingleExecutable ? [] : [...execArgv, argv[1] ?? ""];
  process.execve?.(execPath, [execPath, ...program, ...argv.slice(2)], environment);
}

/** Tried before anything changes hands. What --group-add gave stays: it was meant for this. */
function needLeave(user: User, process: NodeJS.Process): void {
  const added = process.getgroups?.().filter((group) => ![0, user.gid].includes(group)) ?? [];
  orRefused(user, () => process.setgroups?.([user.gid, ...added]));
}

function become(user: User, process: NodeJS.Process): void {
  orRefused(user, () => {
    process.setgid?.(user.gid);
    process.setuid?.(user.uid);
  });
}

function orRefused({ uid, gid }: User, change: () => void): void {
  try {
    change();
  } catch (cause) {
    const remedy = `start the container with --user ${uid}:${gid}, or let it keep SETUID and SETGID`;
    throw new SettingsError([`root may not become user ${uid} here; ${remedy}`], { cause });
  }
}

function filesNamed({ authority, listen, mirror, hosted, registries, upstream }: Settings) {
  const { dockerConfig } = registries;
  return [
    ...[authority.cert, authority.key, listen.tlsCert, listen.tlsKey, listen.tlsClientCa],
    ...[mirror.acmeCa, hosted.htpasswd, dockerConfig, ...upstream.ca],
    ...(dockerConfig === undefined ? [] : [join(dockerConfig, "config.json")]),
  ].filter((path) => path !== undefined);
}
