/** An image layout in a folder, which may have other images in it already. */
import { constants } from "node:fs";
import { lstat, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  layoutList,
  layoutPath,
  printLayoutList,
  readLayoutList,
} from "../../../protocol/image-layout.ts";
import { maxManifestBytes } from "../../../protocol/manifest.ts";
import { AskError } from "../control.ts";
import { checked, isRight, type LayoutContent, type LayoutTarget } from "./layout-target.ts";

const readOnly = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export class FolderTarget implements LayoutTarget {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async has(content: LayoutContent): Promise<boolean> {
    const path = join(this.#folder, layoutPath(content.digest));
    const its = await lstat(path).catch(() => undefined);
    if (its?.isFile() !== true || its.size !== content.size) return false;
    const file = await open(path, readOnly);
    try {
      return await isRight(content, file.createReadStream({ autoClose: false }));
    } finally {
      await file.close();
    }
  }

  async write(content: LayoutContent, body: AsyncIterable<Uint8Array>): Promise<void> {
    const path = join(this.#folder, layoutPath(content.digest));
    await mkdir(dirname(path), { recursive: true });
    await written(path, checked(content, body));
  }

  async finish(files: ReadonlyMap<string, string>): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const [name, text] of files) {
      if (name === "manifest.json") continue;
      const whole = name === layoutList ? await this.#merged(text) : text;
      await written(join(this.#folder, name), [Buffer.from(whole)]);
    }
  }

  async close(): Promise<void> {
    // Each file is whole, or is written anew.
  }

  /** With what was in it before under other names. Throws AskError. */
  async #merged(text: string): Promise<string> {
    const path = join(this.#folder, layoutList);
    const its = await lstat(path).catch(() => undefined);
    if (its === undefined) return text;
    const before = its.size <= maxManifestBytes ? readLayoutList(await readFile(path)) : undefined;
    const own = readLayoutList(Buffer.from(text)) ?? [];
    if (before === undefined) {
      throw new AskError("FAILED", `${path} is no list of images; name another folder with -o`);
    }
    const names = new Set(own.map(({ name }) => name));
    const others = before.filter(({ name, digest }) =>
      name === undefined ? !own.some((one) => one.digest === digest) : !names.has(name),
    );
    return printLayoutList([...others, ...own].map(({ descriptor }) => descriptor));
  }
}

/** Under its name once all of it is on the platter. */
async function written(
  path: string,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const draft = `${path}.partial`;
  await rm(draft, { force: true });
  const file = await open(draft, "wx", 0o644);
  try {
    for await (const piece of body) await file.writeFile(piece);
    await file.sync();
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}
