/** One verifying read per kept blob in doubt, however many read it meanwhile. */
import type { Digest } from "../protocol/digest.ts";
import type { ByteSource } from "./byte-source.ts";
import { VerifyingRead, type VerifyingReadParts } from "./verifying-read.ts";

export class VerifyingReads {
  readonly #parts: VerifyingReadParts;
  readonly #running = new Map<Digest, VerifyingRead>();
  readonly #open = new Set<VerifyingRead>();

  constructor(parts: VerifyingReadParts) {
    this.#parts = parts;
  }

  /**
   * A reader of the blob while it is hashed; undefined when it is not held. Its tail waits for the
   * digest; after a mismatch its reads reject and the blob is gone. Throws StoreError IO.
   */
  async open(digest: Digest): Promise<ByteSource | undefined> {
    const read = this.#running.get(digest) ?? this.#start(digest);
    const reader = read.readers.add({
      blob: read,
      check: () => undefined,
      goOn: undefined,
    });
    try {
      if (await read.isHeld) return reader;
    } catch (error) {
      await reader.close();
      throw error;
    }
    await reader.close();
    return undefined;
  }

  /** Stops everything and closes every file. */
  async close(): Promise<void> {
    const all = [...this.#open];
    for (const read of all) read.stop();
    await Promise.all(all.map((read) => read.readers.dismiss()));
    await Promise.all(all.map((read) => read.readers.closed));
  }

  #start(digest: Digest): VerifyingRead {
    const read = new VerifyingRead(digest, this.#parts);
    this.#running.set(digest, read);
    this.#open.add(read);
    void read.readers.closed.then(() => this.#open.delete(read));
    void read.run().then(() => {
      this.#running.delete(digest);
      read.readers.endJoining();
    });
    return read;
  }
}
