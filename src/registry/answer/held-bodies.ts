/**
 * Bodies that lie in memory as a whole until their client has taken them: 64 MiB of them together, so
 * that who reads slowly keeps nobody else's answer back.
 */
import { HeldBytes } from "../../runtime/held-bytes.ts";

type Held = { readonly bytes: number; readonly giveUp: () => void };

export class HeldBodies {
  readonly #held = new HeldBytes(64 * 1024 * 1024);

  /** Counts so many bytes to the client as long as the work takes; `giveUp` has to end that. */
  async during(client: string, { bytes, giveUp }: Held, work: () => Promise<void>): Promise<void> {
    const hold = this.#held.begin(client, giveUp);
    hold.grow(bytes);
    try {
      await work();
    } finally {
      hold.release();
    }
  }
}
