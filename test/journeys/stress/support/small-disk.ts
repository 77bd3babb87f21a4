/** A volume of its own for a data folder, or for its blobs, that can be full, grow, or take no writes. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { run, runWell } from "../../support/program.ts";

export class SmallDisk {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Under `blobs` and `partial` of the data folder in `folder`; needs root. Ends with the test. */
  static async mount(folder: string, mebibytes: number): Promise<SmallDisk> {
    const path = join(folder, "disk");
    const data = join(folder, "data");
    await mkdir(data);
    await mountMemory(path, mebibytes);
    for (const name of ["blobs", "partial"]) {
      await mkdir(join(path, name));
      await symlink(join(path, name), join(data, name));
    }
    return new SmallDisk(path);
  }

  /** The data folder in `folder` itself, with its records; needs root. Ends with the test. */
  static async whole(folder: string, mebibytes: number): Promise<SmallDisk> {
    const path = join(folder, "data");
    await mountMemory(path, mebibytes);
    return new SmallDisk(path);
  }

  async remount(options: string): Promise<void> {
    await runWell("mount", ["-o", `remount,${options}`, this.#path]);
  }

  /** Takes so much away; what is not ours is never evicted. */
  async fill(bytes: number): Promise<void> {
    await writeFile(join(this.#path, "ballast"), Buffer.alloc(bytes));
  }

  /** Takes all that there is, to the last byte. */
  async fillUp(): Promise<void> {
    await run("dd", ["if=/dev/zero", `of=${join(this.#path, "ballast")}`, "bs=4096"]);
  }
}

async function mountMemory(path: string, mebibytes: number): Promise<void> {
  await mkdir(path);
  await runWell("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m,mode=700`, "tmpfs", path]);
  onTestFinished(async () => {
    await runWell("umount", ["--lazy", path]);
  });
}
