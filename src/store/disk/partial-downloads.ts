/**
 * What broken-off writes left behind, each under an id, for a write that goes on where the last one
 * stopped. Kept for a day and so many bytes in all, the oldest go first. Only a clean stop hands them
 * on to the next start: after a crash nobody knows which of their bytes the disk has seen.
 */
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import type { Interval } from "../../runtime/intervals.ts";
import { type FileSystem, syncPath, systemCode } from "./file-system.ts";
import { mapPathOf, readMap, writeMap } from "./partial-map.ts";

export type PartialDownloadsOptions = {
  readonly fs: FileSystem;
  /** Which start of the machine this is. */
  readonly boot?: string | undefined;
  /** Where they lie, beside the drafts. */
  readonly folder: string;
  /** Bytes of all of them together; one of more than that is not kept. */
  readonly most?: number;
  readonly now?: () => number;
};

/** What they are called: the hash of an id. */
export const partialName = /^[0-9a-f]{64}\.left$/;

/** What lies beside them, or beside a draft, and says which bytes they have. */
export const mapName = /^(?:[0-9a-f]{64}\.left|[0-9a-f]{32}\.draft)\.map(?:\.new)?$/;

const usualMost = 4 * 1024 ** 3;
const life = 24 * 3_600_000;

type PartialFile = {
  readonly stretches: readonly Interval[];
  readonly at: number;
};

export type TakenUp = { readonly path: string; readonly stretches: readonly Interval[] };

export class PartialDownloads {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #most: number;
  readonly #now: () => number;
  readonly #boot: string;
  /** By path; the oldest first. */
  readonly #all = new Map<string, PartialFile>();

  constructor(options: PartialDownloadsOptions) {
    this.#fs = options.fs;
    this.#folder = options.folder;
    this.#most = options.most ?? usualMost;
    this.#now = options.now ?? Date.now;
    this.#boot = options.boot ?? "";
  }

  /** Bytes of all of them. */
  get bytes(): number {
    let sum = 0;
    for (const { stretches } of this.#all.values())
      for (const { start, end } of stretches) sum += end - start;
    return sum;
  }

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  /** Finds what the last clean stop left. Never rejects: what cannot be looked at is no use. */
  async load(): Promise<void> {
    const found: [string, PartialFile][] = [];
    for (const name of await this.#fs.readdir(this.#folder).catch(() => [])) {
      if (!partialName.test(name)) continue;
      const path = join(this.#folder, name);
      const facts = await this.#fs.lstat(path).catch(() => undefined);
      if (facts?.isFile() !== true) continue;
      const stretches = await this.#stretchesOf(path, facts.size);
      found.push([path, { stretches, at: facts.mtimeMs }]);
    }
    found.sort(([, one], [, other]) => one.at - other.at);
    for (const [path, partial] of found) this.#all.set(path, partial);
    await this.#prune();
  }

  /** Takes over the file at `path`, instead of an earlier one of the same id. Throws what a call threw. */
  async add(id: string, path: string, stretches: readonly Interval[]): Promise<void> {
    const place = this.#placeOf(id);
    // No map may ever lie beside another's bytes.
    if (this.#all.has(place)) await this.#remove(place);
    await writeMap(this.#fs, place, { name: basename(place), boot: this.#boot, stretches });
    await this.#fs.rename(path, place);
    this.#all.set(place, { stretches, at: this.#now() });
    await this.#prune();
  }

  /** What a write at `path` has is there for one that goes on with it, should this process crash. */
  async remember(id: string, path: string, stretches: readonly Interval[]): Promise<void> {
    const name = basename(this.#placeOf(id));
    await writeMap(this.#fs, path, { name, boot: this.#boot, stretches });
  }

  /** Gives the file of the id away under the name `path`; undefined when there is none. */
  async take(id: string, path: string): Promise<TakenUp | undefined> {
    const place = this.#placeOf(id);
    const partial = this.#all.get(place);
    if (partial === undefined || this.#isOver(partial)) return undefined;
    this.#all.delete(place);
    try {
      await this.#fs.rename(place, path);
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      this.#all.set(place, partial);
      throw error;
    }
    await this.#unlink(mapPathOf(place));
    return { path, stretches: partial.stretches };
  }

  /** Deletes them; resolves with how many bytes that were. Never rejects. */
  async clear(): Promise<number> {
    const { bytes } = this;
    for (const path of [...this.#all.keys()]) await this.#remove(path);
    return bytes;
  }

  /** Brings them to the platter; what is not there when `deadline` aborts is deleted. Never rejects. */
  async settle(deadline?: AbortSignal): Promise<void> {
    for (const path of [...this.#all.keys()]) {
      try {
        deadline?.throwIfAborted();
        await syncPath(this.#fs, path);
        await syncPath(this.#fs, mapPathOf(path));
      } catch {
        await this.#remove(path);
      }
    }
  }

  #placeOf(id: string): string {
    return join(this.#folder, `${createHash("sha256").update(id).digest("hex")}.left`);
  }

  #isOver({ at }: PartialFile): boolean {
    return this.#now() - at > life;
  }

  async #prune(): Promise<void> {
    for (const [path, partial] of this.#all) {
      const isUseless = partial.stretches.length === 0 || this.#isOver(partial);
      if (this.bytes > this.#most || isUseless) await this.#remove(path);
    }
  }

  /** Of one that has no map, or not the one of these bytes, nothing is of use. */
  async #stretchesOf(path: string, size: number): Promise<readonly Interval[]> {
    const { stretches } = (await readMap(this.#fs, path)) ?? { stretches: [] };
    return stretches.at(-1)?.end === size ? stretches : [];
  }

  async #remove(path: string): Promise<void> {
    this.#all.delete(path);
    await this.#unlink(path);
    await this.#unlink(mapPathOf(path));
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#fs.unlink(path);
    } catch {
      // Gone already, or the volume is broken: the next start looks again.
    }
  }
}
