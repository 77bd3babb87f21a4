/**
 * Small facts answered from memory, written through to the records and read from them once. When
 * the records fail a fact is unknown: never a permission, never an error for whoever pulls.
 */

import type { Allowance } from "../runtime/allowance.ts";
import { FairMap } from "../runtime/fair-map.ts";
import { Flights } from "../runtime/flights.ts";
import type { Generation } from "../runtime/generation.ts";
import type { Json, RecordStore } from "../store/record-store.ts";
import type { Observe } from "./cache-event.ts";

export type CachedRecordsOptions<T> = {
  readonly records: RecordStore;
  /** The keys' beginning, with its slash: `tag/`. */
  readonly prefix: string;
  /** Reads a record; undefined when it is none of ours. */
  readonly read: (value: Json) => T | undefined;
  readonly print: (fact: T) => Json;
  /** How many are kept in memory, and how many bytes of them; 6 MiB. */
  readonly limit: number;
  readonly bytes?: number;
  /** How many new records a client may add; what is more is known in memory alone. */
  readonly newRecords?: Pick<Allowance, "take"> | undefined;
  /** Raised before a fact changes. */
  readonly generation?: Pick<Generation, "raise"> | undefined;
  readonly observe: Observe;
};

/** Bytes that an entry takes beside its text. */
const perEntry = 200;

/** What memory knows of a key: a fact, or that there is none. */
type Known<T> = {
  readonly fact: T | undefined;
  /** There is no record of it, for its client had added too many. */
  readonly isUnsaved?: boolean;
};

export class CachedRecords<T> {
  readonly #options: CachedRecordsOptions<T>;
  readonly #known: FairMap<string, Known<T>>;
  readonly #reading = new Flights<T | undefined>();
  /** Written and not yet in the records: never forgotten, whatever memory is bounded to. */
  readonly #unwritten = new Map<string, Known<T>>();
  #writing: Promise<void> | undefined;

  constructor(options: CachedRecordsOptions<T>) {
    this.#options = options;
    const { limit, bytes = 6 * 1024 * 1024, print } = options;
    const size = ({ fact }: Known<T>, key: string): number =>
      perEntry + 2 * key.length + (fact === undefined ? 0 : JSON.stringify(print(fact)).length);
    this.#known = new FairMap({ limit, bytes: { limit: bytes, of: size } });
  }

  /** What memory has; `known` is false when the records would have to be asked. */
  peek(key: string): { readonly isKnown: boolean; readonly fact: T | undefined } {
    const known = this.#knownOf(key);
    return { isKnown: known !== undefined, fact: known?.fact };
  }

  /** From memory, else from the records, which are asked once. Never rejects. */
  get(key: string, by?: string): Promise<T | undefined> {
    const { isKnown, fact } = this.peek(key);
    if (isKnown) return Promise.resolve(fact);
    return this.#reading.join(key, () => this.#read(key, by));
  }

  /** Changes the fact as it is when it is known; `change` returns undefined to leave it. */
  async update(
    key: string,
    change: (before: T | undefined) => T | undefined,
    by?: string,
  ): Promise<void> {
    const read = await this.get(key, by);
    const { isKnown, fact } = this.peek(key);
    const after = change(isKnown ? fact : read);
    if (after !== undefined) this.set(key, after, by);
  }

  /** Known at once, in the records soon. */
  set(key: string, fact: T, by?: string): void {
    this.#change();
    const before = this.#knownOf(key);
    const isNew = before?.fact === undefined || before.isUnsaved === true;
    const mayWrite = !isNew || this.#options.newRecords?.take(by) !== false;
    if (mayWrite) this.#remember(key, { fact }, by);
    else this.#known.set(key, { fact, isUnsaved: true }, by);
  }

  delete(key: string, by?: string): void {
    const before = this.#knownOf(key);
    const isNone = before !== undefined && before.fact === undefined;
    // Nothing to delete, as everybody learns who asks for names that there are not.
    if (isNone && !this.#unwritten.has(key)) this.#known.set(key, before, by);
    else {
      this.#change();
      this.#remember(key, { fact: undefined }, by);
    }
  }

  /** Somebody else has changed the record: it is read anew, unless it is about to be written here. */
  forget(key: string): void {
    if (this.#unwritten.has(key)) return;
    this.#change();
    this.#known.delete(key);
  }

  /** Resolves when everything known is in the records, or could not be written. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #change(): void {
    this.#options.generation?.raise(this.#options.prefix);
  }

  #knownOf(key: string): Known<T> | undefined {
    return this.#known.get(key) ?? this.#unwritten.get(key);
  }

  async #read(key: string, by: string | undefined): Promise<T | undefined> {
    try {
      const value = await this.#options.records.get(this.#options.prefix + key);
      const newer = this.peek(key);
      if (newer.isKnown) return newer.fact;
      const fact = value === undefined ? undefined : this.#options.read(value);
      this.#known.set(key, { fact }, by);
      return fact;
    } catch (error) {
      this.#options.observe({ kind: "recordsFailed", error });
      return undefined;
    }
  }

  #remember(key: string, known: Known<T>, by: string | undefined): void {
    this.#known.set(key, known, by);
    // Moved to the end, so that a write under way comes to it again.
    this.#unwritten.delete(key);
    this.#unwritten.set(key, known);
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    for (const [key, known] of this.#unwritten) {
      await this.#write(this.#options.prefix + key, known);
      if (this.#unwritten.get(key) === known) this.#unwritten.delete(key);
    }
    this.#writing = undefined;
  }

  /** A fact that cannot be written is still good in memory. */
  async #write(key: string, { fact }: Known<T>): Promise<void> {
    const { records, print, observe } = this.#options;
    try {
      if (fact === undefined) await records.delete(key);
      else await records.set(key, print(fact));
    } catch (error) {
      observe({ kind: "recordsFailed", error });
    }
  }
}
