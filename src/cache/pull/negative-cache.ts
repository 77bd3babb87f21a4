/**
 * What an upstream does not have, shared for at most two seconds between those who asked the same
 * with the same Accept set and the same credential (old clients get 404 for what newer ones can read).
 */
import { FairMap } from "../../runtime/fair-map.ts";
import { ownBytes } from "../../runtime/own-bytes.ts";
import type { SmallAnswer } from "../asking/small-answer.ts";
import { accountOf, type RepositoryRef, repositoryKey } from "../repository-ref.ts";

export type NegativeOptions = {
  readonly now: () => number;
  /** Milliseconds. */
  readonly life?: number;
  readonly limit?: number;
  /** Bytes of all of them; 2 MiB. */
  readonly bytes?: number;
};

/** A longer body is passed on, and not remembered. */
const longestBody = 4 * 1024;

type Remembered = { readonly answer: SmallAnswer; readonly until: number };

export class NegativeCache {
  readonly #now: () => number;
  readonly #life: number;
  readonly #kept: FairMap<string, Remembered>;

  constructor(options: NegativeOptions) {
    this.#now = options.now;
    this.#life = options.life ?? 2_000;
    const { limit = 1_000, bytes = 2 * 1024 * 1024 } = options;
    this.#kept = new FairMap({ limit, bytes: { limit: bytes, of: sizeOf } });
  }

  recall(ref: RepositoryRef, variant: string): SmallAnswer | undefined {
    const key = `${repositoryKey(ref)}\n${variant}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > this.#now()) return kept.answer;
    this.#kept.delete(key);
    return undefined;
  }

  /** Keeps a 404; any other answer is nobody else's. */
  remember(ref: RepositoryRef, variant: string, answer: SmallAnswer): void {
    if (answer.status !== 404 || answer.body.length > longestBody) return;
    const until = this.#now() + this.#life;
    const kept = { answer: { ...answer, body: ownBytes(answer.body) }, until };
    this.#kept.set(`${repositoryKey(ref)}\n${variant}`, kept, accountOf(ref));
  }

  /** Forgets everything said of the repository: something was pushed there. */
  forget(ref: RepositoryRef): void {
    const start = `${repositoryKey(ref)}\n`;
    for (const [key] of [...this.#kept.entries()])
      if (key.startsWith(start)) this.#kept.delete(key);
  }
}

/** Header fields count too: some registries send kilobytes of them. */
function sizeOf({ answer }: Remembered, key: string): number {
  let size = 200 + 2 * key.length + answer.body.length;
  for (const [name, values] of answer.headers) size += 2 * (name.length + values.join("").length);
  return size;
}
