/**
 * Records that nobody has renewed for months go: what a tag meant, who could see a repository, what
 * was deleted where; and the oldest where there are too many, since clients choose what they ask for.
 * Whoever asks again costs the registry a question and nothing else.
 */
import { type Clock, pause } from "../../runtime/clock.ts";
import { inBackground } from "../../runtime/in-background.ts";
import type { Json, RecordStore } from "../../store/record-store.ts";
import type { Observe } from "../cache-event.ts";

export type AgingRecords = {
  /** The keys' beginning, with its slash: `tag/`. */
  readonly prefix: string;
  /** When it was last renewed, in milliseconds since 1970; undefined for what never grows old. */
  readonly renewedAt: (value: Json, key: string) => number | undefined;
  /** Called with the rest of the key once the record is gone, so that memory does not know it better. */
  readonly forget: (key: string) => void;
};

export type RecordAgingOptions = {
  readonly records: Pick<RecordStore, "list" | "deleteMany">;
  readonly kinds: readonly AgingRecords[];
  /** Milliseconds after which a record is old. */
  readonly life: number;
  /** So many of each kind stay; 500,000. */
  readonly most?: number;
  readonly observe: Observe;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

const day = 86_400_000;
const hour = 3_600_000;
/** So many records are deleted at a time. */
const batch = 1_000;

export class RecordAging {
  readonly #options: RecordAgingOptions;
  readonly #closing = new AbortController();
  #rounds: Promise<void> = Promise.resolve();

  constructor(options: RecordAgingOptions) {
    this.#options = options;
  }

  /** One round a day, until closed. */
  start(): void {
    this.#rounds = this.#repeat();
    // What fails is told by each round; what is left is the end.
    inBackground(this.#rounds, () => undefined);
  }

  /** Deletes what is old. Never rejects. */
  async run(): Promise<void> {
    try {
      for (const kind of this.#options.kinds) await this.#age(kind);
    } catch (error) {
      this.#options.observe({ kind: "recordsFailed", error });
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([this.#rounds]);
  }

  async #repeat(): Promise<void> {
    for (;;) {
      await pause(this.#options.clock, day, this.#closing.signal);
      await this.run();
    }
  }

  async #age(kind: AgingRecords): Promise<void> {
    const { records, life, now } = this.#options;
    const { prefix, renewedAt, forget } = kind;
    const oldest = Math.max(now() - life, await this.#oldestOfMost(kind));
    const old: string[] = [];
    for await (const { key, value } of records.list(prefix)) {
      const at = renewedAt(value, key.slice(prefix.length));
      if (at !== undefined && at < oldest) old.push(key);
    }
    for (let start = 0; start < old.length && !this.#closing.signal.aborted; start += batch) {
      const keys = old.slice(start, start + batch);
      await records.deleteMany(keys);
      for (const key of keys) forget(key.slice(prefix.length));
    }
  }

  /** From when on there are no more than may stay, to the hour; counted, so that no list of them is held. */
  async #oldestOfMost({ prefix, renewedAt }: AgingRecords): Promise<number> {
    const { records, most = 500_000 } = this.#options;
    const counts = new Map<number, number>();
    for await (const { key, value } of records.list(prefix)) {
      const at = renewedAt(value, key.slice(prefix.length));
      const since = at === undefined ? undefined : Math.floor(at / hour);
      if (since !== undefined) counts.set(since, (counts.get(since) ?? 0) + 1);
    }
    let stay = 0;
    for (const [since, count] of [...counts].sort(([one], [other]) => other - one)) {
      // The last hour stays, whatever came in it.
      if (stay > 0 && stay + count > most) return (since + 1) * hour;
      stay += count;
    }
    return 0;
  }
}
