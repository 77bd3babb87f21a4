/** What is on the disk or in the archive, for whoever asks whether a blob is kept; read are files alone. */
import type { Digest } from "../../protocol/digest.ts";
import type { BlobReader, BlobStat, BlobStore, ListedBlob } from "../blob-store.ts";
import type { BlobVerification } from "../blob-verification.ts";
import type { Archiving } from "./archiving.ts";

type Disk = BlobStore & BlobVerification;

export class TieredBlobs implements BlobStore, BlobVerification {
  readonly #disk: Disk;
  readonly #archiving: Pick<Archiving, "find">;

  constructor(disk: Disk, archiving: Pick<Archiving, "find">) {
    this.#disk = disk;
    this.#archiving = archiving;
  }

  /** Bytes of the archive are hashed whenever they come from there: nothing of them is in doubt. */
  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const there = await this.#disk.stat(digest);
    if (there !== undefined) return there;
    const away = await this.#archiving.find(digest);
    return away && { size: away.size, isVerified: true };
  }

  open(digest: Digest): Promise<BlobReader | undefined> {
    return this.#disk.open(digest);
  }

  delete(digest: Digest): Promise<boolean> {
    return this.#disk.delete(digest);
  }

  list(): AsyncIterable<ListedBlob> {
    return this.#disk.list();
  }

  markVerified(digest: Digest): void {
    this.#disk.markVerified(digest);
  }

  condemn(digest: Digest, identity: string): Promise<boolean> {
    return this.#disk.condemn(digest, identity);
  }
}
