/**
 * Takes blobs from one data folder or backup into another: a second name for the same file where both
 * lie on one volume, since blobs are never written again, and otherwise a copy on the platter. Every
 * byte is hashed on its way.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { link, lstat, open } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, digestAlgorithm, toDigest } from "../../protocol/digest.ts";
import { BlobNames } from "./blob-names.ts";
import {
  closeQuietly,
  nodeFileSystem,
  type OpenFile,
  storeFailure,
  syncPath,
  systemCode,
} from "./file-system.ts";

export type Carried = {
  /** `damaged`: other bytes than its digest says, and `missing`: none. Neither is carried. */
  readonly how: "linked" | "copied" | "damaged" | "missing";
  readonly size: number;
};

const piece = 1024 * 1024;
/** Nothing but what stands there itself, and without waiting for anybody. */
const asItIs = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export class CarriedBlobs {
  readonly #from: BlobNames;
  readonly #to: BlobNames;
  readonly #target: string;
  readonly #changed = new Set<string>();
  readonly #buffer = Buffer.allocUnsafe(piece);

  /** Both folders have, or get, a folder `blobs`. */
  constructor(from: string, to: string) {
    this.#target = join(to, "blobs");
    this.#from = new BlobNames(nodeFileSystem, join(from, "blobs"));
    this.#to = new BlobNames(nodeFileSystem, this.#target);
    this.#changed.add(this.#target);
  }

  /** One after the other. Throws StoreError. */
  async carry(digest: Digest): Promise<Carried> {
    const size = await this.#from.sizeOf(digest);
    if (size === undefined) return { how: "missing", size: 0 };
    for (const folder of await this.#to.makeFolderOf(digest)) this.#changed.add(folder);
    this.#changed.add(this.#to.folderOf(digest));
    const [from, to] = [this.#from.pathOf(digest, size), this.#to.pathOf(digest, size)];
    try {
      // A link may lead elsewhere by the time somebody pulls it, and a device has no end.
      const facts = await lstat(from);
      if (!facts.isFile() || facts.size !== size) return { how: "damaged", size };
      const isLinked = await isLinkedTo(from, to);
      const found = isLinked
        ? await this.#hashed(to, digest)
        : await this.#copied(from, to, digest);
      if (found.digest === digest && found.size === size) {
        return { how: isLinked ? "linked" : "copied", size };
      }
      await nodeFileSystem.unlink(to);
      return { how: "damaged", size };
    } catch (error) {
      if (systemCode(error) === "ENOENT") return { how: "missing", size: 0 };
      throw storeFailure(error, `take over ${digest}`);
    }
  }

  /** Waits until what was carried is there after a power cut. Throws StoreError. */
  async sync(): Promise<void> {
    try {
      for (const folder of this.#changed) await syncPath(nodeFileSystem, folder);
    } catch (error) {
      throw storeFailure(error, `sync ${this.#target}`);
    }
  }

  async #hashed(path: string, digest: Digest) {
    const file = await open(path, asItIs);
    try {
      return await this.#pass(file, digest, async () => undefined);
    } finally {
      await closeQuietly(file);
    }
  }

  async #copied(from: string, to: string, digest: Digest) {
    const source = await open(from, asItIs);
    try {
      const target = await open(to, "wx", 0o600);
      try {
        const found = await this.#pass(source, digest, (bytes) => target.writeFile(bytes));
        await target.sync();
        return found;
      } finally {
        await closeQuietly(target);
      }
    } finally {
      await closeQuietly(source);
    }
  }

  /** What the file really holds, each piece handed on. */
  async #pass(file: OpenFile, digest: Digest, take: (bytes: Buffer) => Promise<void>) {
    const algorithm = digestAlgorithm(digest);
    const hash = createHash(algorithm);
    let size = 0;
    while (true) {
      const { bytesRead } = await file.read(this.#buffer, 0, piece, size);
      if (bytesRead === 0) break;
      const bytes = this.#buffer.subarray(0, bytesRead);
      hash.update(bytes);
      await take(bytes);
      size += bytesRead;
    }
    return { digest: toDigest(algorithm, hash.digest("hex")), size };
  }
}

/** False where there cannot be a second name: another volume, or one that has none of them. */
async function isLinkedTo(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === "ENOENT") throw error;
    return false;
  }
}
