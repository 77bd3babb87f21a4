import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdir,
  readdir,
  readFile,
  rmdir,
  stat,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { takeLock } from "../../../src/store/disk/lock-file.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

const source = new URL("../../../src/store/disk/lock-file.ts", import.meta.url).href;

/** Another process that takes the lock and lives until it is killed. */
async function lockElsewhere(folder: string) {
  const script = `const { takeLock } = await import(${JSON.stringify(source)});
    // Kept: a lock that nobody holds on to is freed when memory is cleaned up.
    globalThis.held = takeLock(${JSON.stringify(folder)}); console.log("locked"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

describe("the lock", () => {
  it("keeps a second process out by naming the first, and is free after kill -9", async () => {
    const folder = await temporaryFolder();
    const holder = await lockElsewhere(folder);
    expect(() => takeLock(folder)).toThrow(
      expect.objectContaining({
        code: "LOCKED",
        message: `${folder} is in use by process ${holder.pid}`,
      }),
    );
    holder.kill("SIGKILL");
    await once(holder, "exit");
    takeLock(folder).release();
  });

  it("holds within one process too, and is released once", async () => {
    const folder = await temporaryFolder();
    const lock = takeLock(folder);
    expect(await readFile(join(folder, "lock.pid"), "utf8")).toBe(`${process.pid}\n`);
    expect(() => takeLock(folder)).toThrow(expect.objectContaining({ code: "LOCKED" }));
    lock.release();
    lock.release();
    takeLock(folder).release();
  });

  it("needs no room, for the volume may be full", async () => {
    const folder = await temporaryFolder();
    await symlink("/dev/full", join(folder, "lock.pid"));
    const lock = takeLock(folder);
    expect(await readdir(folder)).toEqual(["lock", "lock.pid"]);
    expect((await stat(join(folder, "lock"))).size).toBe(0);
    lock.release();
  });

  it("is free again although its pid cannot be taken away", async () => {
    const folder = await temporaryFolder();
    const lock = takeLock(folder);
    await unlink(join(folder, "lock.pid"));
    await mkdir(join(folder, "lock.pid"));
    lock.release();
    await rmdir(join(folder, "lock.pid"));
    takeLock(folder).release();
  });

  it.each(["", "rubbish"])("names nobody when lock.pid says %o", async (text) => {
    const folder = await temporaryFolder();
    const lock = takeLock(folder);
    await writeFile(join(folder, "lock.pid"), text);
    expect(() => takeLock(folder)).toThrow(/is in use by another process$/);
    lock.release();
  });

  it("says that a folder may not be written to, and whose it has to be", () => {
    const message =
      "/proc may not be written by this user; chown it to this user, or use another folder";
    expect(() => takeLock("/proc")).toThrow(expect.objectContaining({ code: "IO", message }));
  });
});
