/**
 * Blobs of hosted repositories: each has what was uploaded or mounted there. What the cache or another
 * repository has under the same digest is not there.
 */
import type { ByteSource } from "../download/byte-source.ts";
import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Contents } from "./contents.ts";
import { newLease, renewed } from "./leases.ts";
import type { BlobLimit } from "./rights.ts";

export type BlobsParts = {
  readonly catalogue: Catalogue;
  readonly contents: Contents;
  /** What one more blob of a repository may have. */
  readonly limitIn: (repository: RepositoryName) => BlobLimit;
  readonly clock: Clock;
  /** HOSTED_LEASE, in milliseconds. */
  readonly lease: number;
};

export class Blobs {
  readonly #parts: BlobsParts;

  constructor(parts: BlobsParts) {
    this.#parts = parts;
  }

  /** Its size. With `isLeased` whoever hears it may rely on it for a while. Throws RegistryError BLOB_UNKNOWN. */
  async sizeOf(repository: RepositoryName, digest: Digest, isLeased: boolean): Promise<number> {
    const { catalogue, contents, clock, lease } = this.#parts;
    const find = () => catalogue.repository(repository)?.blobs.get(digest);
    const isThere = find() !== undefined && (await contents.sizeOf(digest)) !== undefined;
    const link = find();
    if (!isThere || link === undefined) throw unknown(digest);
    if (isLeased && renewed(link, clock.now(), lease) !== undefined) {
      await catalogue.inTurn(repository, async () => {
        const now = find();
        if (now === undefined) throw unknown(digest);
        const longer = renewed(now, clock.now(), lease);
        if (longer === undefined) return;
        await catalogue.write([{ kind: "blob", repository, digest, link: longer }]);
      });
    }
    return link.size;
  }

  /** Throws RegistryError BLOB_UNKNOWN. */
  async open(repository: RepositoryName, digest: Digest): Promise<ByteSource> {
    const { catalogue, contents } = this.#parts;
    const isLinked = catalogue.repository(repository)?.blobs.has(digest) === true;
    const source = isLinked ? await contents.open(digest) : undefined;
    if (source === undefined) throw unknown(digest);
    return source;
  }

  /**
   * Makes a blob of one of those repositories part of this one; false when none of them has it. The
   * caller has checked that the asker may have it from there.
   */
  async mount(
    repository: RepositoryName,
    digest: Digest,
    mayPullFrom: (from: RepositoryName) => boolean,
  ): Promise<boolean> {
    const { catalogue, contents, clock, limitIn } = this.#parts;
    return catalogue.holding(digest, async () => {
      const from = catalogue.placesOf(digest).find(mayPullFrom);
      const size = from && catalogue.repository(from)?.blobs.get(digest)?.size;
      if (size === undefined || (await contents.sizeOf(digest)) === undefined) return false;
      return catalogue.inTurn(repository, async () => {
        const isThere = catalogue.repository(repository)?.blobs.has(digest) === true;
        // An upload then says in words what is wrong.
        if (!isThere && size > limitIn(repository).bytes) return false;
        const link = { size, ...newLease(clock.now()) };
        await catalogue.write([{ kind: "blob", repository, digest, link }]);
        return true;
      });
    });
  }

  /** Throws RegistryError BLOB_UNKNOWN, or UNSUPPORTED when a manifest here names it. */
  delete(repository: RepositoryName, digest: Digest): Promise<void> {
    const { catalogue } = this.#parts;
    return catalogue.inTurn(repository, async () => {
      const its = catalogue.repository(repository);
      if (its?.blobs.has(digest) !== true) throw unknown(digest);
      const manifest = its.namedBy(digest);
      if (manifest !== undefined) {
        const sentence = `the manifest ${manifest} of ${repository} needs this blob; delete that first`;
        throw new RegistryError("UNSUPPORTED", sentence, { detail: { manifest } });
      }
      if (catalogue.unreadable(repository).length > 0) throw unreadable(repository);
      await catalogue.write([{ kind: "blob", repository, digest, link: undefined }]);
    });
  }
}

function unreadable(repository: RepositoryName): RegistryError {
  const sentence = `a record of ${repository} cannot be read, and may be of an image that needs this blob`;
  return new RegistryError("UNSUPPORTED", sentence);
}

function unknown(digest: Digest): RegistryError {
  return new RegistryError("BLOB_UNKNOWN", "this repository has no such blob", {
    detail: { digest },
  });
}
