/**
 * Bodies that lie in memory as a whole until their client has taken them: 64 MiB of them together.
 * Beyond, whoever has most of that loses the one that has been going longest, so that a crowd that
 * reads slowly holds no more, and keeps nobody else's answer back.
 */
import { FairMap } from "../../runtime/fair-map.ts";

const budget = 64 * 1024 * 1024;
/** What is not larger is no more than its connection costs. */
const small = 64 * 1024;

type Held = { readonly bytes: number; readonly giveUp: () => void };

export class HeldBodies {
  readonly #held = new FairMap<object, Held>({
    bytes: { limit: budget, of: ({ bytes }) => bytes },
    onPushedOut: ({ giveUp }) => giveUp(),
  });

  /** Counts so many bytes to the client as long as the work takes; `giveUp` has to end that. */
  async during(client: string, held: Held, work: () => Promise<void>): Promise<void> {
    if (held.bytes <= small) return await work();
    const key = {};
    this.#held.set(key, held, client);
    try {
      await work();
    } finally {
      this.#held.delete(key);
    }
  }
}
