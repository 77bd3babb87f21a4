/** One recheck per kept blob in doubt, however many read it meanwhile. */
import type { Digest } from "../protocol/digest.ts";
import type { ByteSource } from "./byte-source.ts";
import { type RecheckParts, VerifyingRead } from "./verifying-read.ts";

export class VerifyingReads {
  readonly #parts: RecheckParts;
  readonly #running = new Map<Digest, VerifyingRead>();
  readonly #open = new Set<VerifyingRead>();

  constructor(parts: RecheckParts) {
    this.#parts = parts;
  }

  /**
   * A reader of the blob while it is hashed; undefined when it is not held. Its tail waits for the
   * digest; after a mismatch its reads reject and the blob is gone. Throws StoreError IO.
   */
  async open(digest: Digest): Promise<ByteSource | undefined> {
    const recheck = this.#running.get(digest) ?? this.#start(digest);
    const reader = recheck.audience.seat({
      growing: recheck.mark,
      check: () => undefined,
      goOn: undefined,
    });
    try {
      if (await recheck.isHeld) return reader;
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
    for (const recheck of all) recheck.stop();
    await Promise.all(all.map((recheck) => recheck.audience.dismiss()));
    await Promise.all(all.map((recheck) => recheck.audience.gone));
  }

  #start(digest: Digest): VerifyingRead {
    const recheck = new VerifyingRead(digest, this.#parts);
    this.#running.set(digest, recheck);
    this.#open.add(recheck);
    void recheck.audience.gone.then(() => this.#open.delete(recheck));
    void recheck.run().then(() => {
      this.#running.delete(digest);
      recheck.audience.endAdmission();
    });
    return recheck;
  }
}
