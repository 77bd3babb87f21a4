/** A volume of its own for the blobs of a data folder, that can be full, grow, or take no writes. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { runWell } from "../../support/program.ts";

export class SmallDisk {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Under `blobs` and `partial` of the data folder in `folder`; needs root. Ends with the test. */
  static async mount(folder: string, mebibytes: number): Promise<SmallDisk> {
    const path = join(folder, "disk");
    const data = join(folder, "data");
    await mkdir(path);
    await mkdir(data);
    await runWell("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", path]);
    onTestFinished(async () => {
      await runWell("umount", ["--lazy", path]);
    });
    for (const name of ["blobs", "partial"]) {
      await mkdir(join(path, name));
      await symlink(join(path, name), join(data, name));
    }
    return new SmallDisk(path);
  }

  async remount(options: string): Promise<void> {
    await runWell("mount", ["-o", `remount,${options}`, this.#path]);
  }

  /** Takes so much away; what is not ours is never evicted. */
  async fill(bytes: number): Promise<void> {
    await writeFile(join(this.#path, "ballast"), Buffer.alloc(bytes));
  }
}
