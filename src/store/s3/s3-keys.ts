/** How blobs are called in a bucket, all under a prefix of our own: whatever else lies there is left alone. */
import { type Digest, digestAlgorithm, digestHex, parseDigest } from "../../protocol/digest.ts";

export class S3Keys {
  readonly #prefix: string;

  /** Without slashes around it. */
  constructor(prefix: string) {
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
  }

  /** What all of them begin with. */
  get root(): string {
    return `${this.#prefix}blobs/`;
  }

  keyOf(digest: Digest): string {
    const hex = digestHex(digest);
    return `${this.root}${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}`;
  }

  /** Undefined for what is none of ours. */
  digestOf(key: string): Digest | undefined {
    if (!key.startsWith(this.root)) return undefined;
    const [algorithm, shard, hex = "", ...more] = key.slice(this.root.length).split("/");
    if (more.length > 0 || shard !== hex.slice(0, 2)) return undefined;
    return parseDigest(`${algorithm}:${hex}`);
  }
}
