/**
 * The files of a CA. A private key is written once, for its owner's eyes only, and never used when
 * anybody else can read it.
 */
import { constants } from "node:fs";
import { chmod, mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DoorError } from "../../door-error.ts";

/** The key file's text, undefined when there is none. Throws DoorError KEY_EXPOSED or IO. */
export async function readKeyFile(path: string): Promise<string | undefined> {
  const text = await readCertificateFile(path);
  if (text === undefined) return undefined;
  const mode = (await stat(path)).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new DoorError(
      "KEY_EXPOSED",
      `${path} can be read by others (mode ${mode.toString(8)}); whoever has it can impersonate every site to your clients: chmod 600 ${path}`,
    );
  }
  return text;
}

/** The file's text, undefined when there is none. Throws DoorError IO. */
export async function readCertificateFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw ioError(`${path} cannot be read`, error);
  }
}

/** Creates the folder for its owner alone. Throws DoorError IO. */
export async function makeKeyFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
  } catch (error) {
    throw ioError(`${path} cannot be made`, error);
  }
}

/** Writes a private key that survives a power cut; an existing file is never overwritten. Throws DoorError IO. */
export async function createKeyFile(path: string, text: string): Promise<void> {
  try {
    await writeNew(path, text, 0o600);
  } catch (error) {
    throw ioError(`${path} cannot be written`, error);
  }
}

/** Writes a certificate whole or not at all, over the one that is there. Throws DoorError IO. */
export async function writeCertificateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  try {
    await writeNew(draft, text, 0o644);
    await rename(draft, path);
    await syncFolder(dirname(path));
  } catch (error) {
    throw ioError(`${path} cannot be written`, error);
  }
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants;
  const file = await open(path, O_CREAT | O_EXCL | O_WRONLY, mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function ioError(sentence: string, cause: unknown): DoorError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const remedy = code === "EACCES" ? "; chown it to the user that runs this" : "";
  return new DoorError("IO", `${sentence} (${code})${remedy}`, { cause });
}
