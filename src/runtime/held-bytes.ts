/**
 * Bytes that lie in memory until somebody is done with them: so many of all together. Beyond, whoever has
 * most of them loses what has lain there longest, so that a crowd holds no more, and keeps nobody else's back.
 */
import { FairMap } from "./fair-map.ts";

export type Hold = {
  /** It has come to so many. */
  readonly grow: (bytes: number) => void;
  /** It has none any more; idempotent. */
  readonly release: () => void;
};

/** What is not larger is no more than its connection costs; larger ones are counted in such steps. */
const small = 64 * 1024;

type Held = { readonly bytes: number; readonly giveUp: () => void };

export class HeldBytes {
  readonly #held: FairMap<object, Held>;

  constructor(budget: number) {
    this.#held = new FairMap({
      bytes: { limit: budget, of: ({ bytes }) => bytes },
      onPushedOut: ({ giveUp }) => giveUp(),
    });
  }

  /** So many as long as the work takes, on the account of `by`; `giveUp` has to end that. */
  async during(by: string, { bytes, giveUp }: Held, work: () => Promise<void>): Promise<void> {
    const hold = this.begin(by, giveUp);
    hold.grow(bytes);
    try {
      await work();
    } finally {
      hold.release();
    }
  }

  /** On the account of `by`; `giveUp` has to end it. */
  begin(by: string | undefined, giveUp: () => void): Hold {
    const key = {};
    let counted = 0;
    return {
      grow: (bytes) => {
        if (bytes - counted <= small) return;
        counted = bytes;
        this.#held.set(key, { bytes, giveUp }, by);
      },
      release: () => void this.#held.delete(key),
    };
  }
}
