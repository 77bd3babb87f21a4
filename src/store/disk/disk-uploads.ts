/**
 * Uploads as files in a folder of their own:
 *
 *     uploads/<id>.upload     under way
 *     uploads/<id>.aside      left by a clean stop, to be gone on with
 *
 * Nobody may ever go on with one, so a file is open only from its first byte on.
 */
import { join } from "node:path";
import type { BlobDraft } from "../draft-store.ts";
import type { UploadFiles } from "../upload-files.ts";
import { DiskDraft, type DraftParts } from "./disk-draft.ts";
import {
  closeQuietly,
  type FileSystem,
  makeFolder,
  type OpenFile,
  storeFailure,
  systemCode,
} from "./file-system.ts";
import { HeldFile } from "./held-file.ts";
import { LateFile } from "./late-file.ts";

export type DiskUploadsOptions = {
  readonly fs: FileSystem;
  readonly folder: string;
  readonly place: DraftParts["place"];
};

const underWay = /^[0-9a-f-]{36}\.upload$/;
const setAside = /^[0-9a-f-]{36}\.aside$/;

export class DiskUploads implements UploadFiles {
  readonly #options: DiskUploadsOptions;

  /** Makes the folder, and deletes what a crash left in it. Throws StoreError. */
  static async open(options: DiskUploadsOptions): Promise<DiskUploads> {
    try {
      await makeFolder(options.fs, options.folder);
    } catch (error) {
      throw storeFailure(error, `make ${options.folder}`);
    }
    const uploads = new DiskUploads(options);
    await uploads.#remove(underWay);
    return uploads;
  }

  private constructor(options: DiskUploadsOptions) {
    this.#options = options;
  }

  async create(id: string): Promise<BlobDraft> {
    const path = this.#pathOf(id);
    try {
      // Made at once, so that a disk on which no push can begin is told of here.
      await closeQuietly(await this.#created(path));
      return this.#draft(path, 0);
    } catch (error) {
      throw storeFailure(error, `create ${path}`);
    }
  }

  async takeUp(id: string, size: number): Promise<BlobDraft | undefined> {
    const { fs } = this.#options;
    const path = this.#pathOf(id);
    try {
      await fs.rename(this.#asideOf(id), path);
      const facts = await fs.lstat(path);
      if (facts.isFile() && facts.size === size) {
        return this.#draft(path, size);
      }
      await fs.unlink(path);
      return undefined;
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw storeFailure(error, `go on with ${path}`);
    }
  }

  sweep(): Promise<void> {
    return this.#remove(setAside);
  }

  /** Makes the folder again where somebody has removed it. */
  async #created(path: string): Promise<OpenFile> {
    const { fs, folder } = this.#options;
    const open = () => fs.open(path, "wx+", 0o600);
    try {
      return await open();
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
      await makeFolder(fs, folder);
      return await open();
    }
  }

  #pathOf(id: string): string {
    return join(this.#options.folder, `${id}.upload`);
  }

  #asideOf(id: string): string {
    return join(this.#options.folder, `${id}.aside`);
  }

  #draft(path: string, written: number): BlobDraft {
    const { fs, place } = this.#options;
    const file = new LateFile(() => fs.open(path, "r+"));
    const keep = (label: string, from: string) => fs.rename(from, this.#asideOf(label));
    const there = [{ start: 0, end: written }];
    return new DiskDraft({ fs, path, file: new HeldFile(file, path), place, keep, there });
  }

  async #remove(names: RegExp): Promise<void> {
    const { fs, folder } = this.#options;
    for (const name of await fs.readdir(folder).catch(() => [])) {
      if (names.test(name)) await fs.unlink(join(folder, name)).catch(() => undefined);
    }
  }
}
