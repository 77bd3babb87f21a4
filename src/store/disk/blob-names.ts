/**
 * Which blobs there are, and how large each has to be, from nothing but the names of their files:
 *
 *     blobs/sha256/ab/ab12….31415        digest and size; other names are not ours and stay
 *
 * The size in the name is what lets `open` notice a truncated file at the price of one fstat. A
 * folder is read when it is first asked for and remembered, so a start reads none. Which folders there are is
 * remembered too: what belongs into none of them needs no look.
 */
import { join } from "node:path";
import {
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  digestHex,
  parseDigest,
} from "../../protocol/digest.ts";
import { Flights } from "../../runtime/flights.ts";
import { type FileSystem, makeFolder, storeFailure, systemCode } from "./file-system.ts";

type Shard = Map<Digest, number>;

export type NamedBlob = { readonly digest: Digest; readonly size: number; readonly path: string };

const algorithms: readonly DigestAlgorithm[] = ["sha256", "sha512"];

export class BlobNames {
  readonly #fs: FileSystem;
  readonly #root: string;
  readonly #shards = new Map<string, Shard>();
  readonly #reading = new Flights<Shard>();
  /** By algorithm. */
  readonly #folders = new Map<string, Set<string>>();
  readonly #listing = new Flights<Set<string>>();

  constructor(fs: FileSystem, root: string) {
    this.#fs = fs;
    this.#root = root;
  }

  pathOf(digest: Digest, size: number): string {
    return join(this.folderOf(digest), `${digestHex(digest)}.${size}`);
  }

  folderOf(digest: Digest): string {
    return join(this.#root, shardOf(digest));
  }

  /** The recorded size, undefined when there is no such blob. Throws StoreError IO. */
  async sizeOf(digest: Digest): Promise<number | undefined> {
    const name = shardOf(digest);
    const shard = this.#shards.get(name) ?? (await this.#read(name));
    return shard.get(digest);
  }

  /** The recorded size, if the folder was read before. */
  knownSizeOf(digest: Digest): number | undefined {
    return this.#shards.get(shardOf(digest))?.get(digest);
  }

  remember(digest: Digest, size: number): void {
    this.#shards.get(shardOf(digest))?.set(digest, size);
  }

  forget(digest: Digest): void {
    this.#shards.get(shardOf(digest))?.delete(digest);
  }

  /** Makes the folder a blob goes into; resolves with the folders whose list of names changed. */
  async makeFolderOf(digest: Digest): Promise<readonly string[]> {
    const algorithm = join(this.#root, digestAlgorithm(digest));
    const changed: string[] = [];
    if (await makeFolder(this.#fs, algorithm)) changed.push(this.#root);
    if (await makeFolder(this.#fs, this.folderOf(digest))) changed.push(algorithm);
    const [name = "", prefix = ""] = shardOf(digest).split("/");
    (await this.#foldersOf(name)).add(prefix);
    return changed;
  }

  /**
   * Folder by folder, as the disk has it now; one that cannot be listed is told of and passed over. Which
   * folders there are is remembered where nobody knew it.
   */
  async *walk(onFailure: (error: unknown) => void): AsyncIterable<readonly NamedBlob[]> {
    for (const algorithm of algorithms) {
      const folders = this.#folders.has(algorithm)
        ? await this.#list(join(this.#root, algorithm))
        : [...(await this.#foldersOf(algorithm))];
      for (const prefix of folders.filter((name) => /^[0-9a-f]{2}$/.test(name))) {
        const shard = await this.#scan(`${algorithm}/${prefix}`).catch(onFailure);
        yield Array.from(shard ?? [], ([digest, size]) => ({
          digest,
          size,
          path: this.pathOf(digest, size),
        }));
      }
    }
  }

  #read(name: string): Promise<Shard> {
    return this.#reading.join(name, async () => {
      const [algorithm = "", prefix = ""] = name.split("/");
      const isThere = (await this.#foldersOf(algorithm)).has(prefix);
      const shard = isThere ? await this.#scan(name) : new Map();
      this.#shards.set(name, shard);
      return shard;
    });
  }

  async #foldersOf(algorithm: string): Promise<Set<string>> {
    const known = this.#folders.get(algorithm);
    if (known !== undefined) return known;
    return await this.#listing.join(algorithm, async () => {
      const folders = new Set(await this.#list(join(this.#root, algorithm)));
      this.#folders.set(algorithm, folders);
      return folders;
    });
  }

  async #scan(name: string): Promise<Shard> {
    const [algorithm = "", prefix = ""] = name.split("/");
    const shard: Shard = new Map();
    for (const file of await this.#list(join(this.#root, name))) {
      const parts = /^([0-9a-f]+)\.(0|[1-9]\d{0,14})$/.exec(file);
      const digest = parseDigest(`${algorithm}:${parts?.[1] ?? ""}`);
      if (digest !== undefined && file.startsWith(prefix)) shard.set(digest, Number(parts?.[2]));
    }
    return shard;
  }

  async #list(folder: string): Promise<readonly string[]> {
    try {
      return await this.#fs.readdir(folder);
    } catch (error) {
      const code = systemCode(error);
      if (code === "ENOENT" || code === "ENOTDIR") return [];
      throw storeFailure(error, `list ${folder}`);
    }
  }
}

function shardOf(digest: Digest): string {
  return `${digestAlgorithm(digest)}/${digestHex(digest).slice(0, 2)}`;
}
