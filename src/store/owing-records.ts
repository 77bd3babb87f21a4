/**
 * Records of a server that may be away. What is written is owed to it, read from here until it is there,
 * and paid as soon as the server takes it, in the order of the last writes: what was withdrawn while
 * nobody could write it down never comes back. Where that cannot be known (too much was owed, a start
 * after a death with debts, a server that may have forgotten), all is forgotten before anything is read.
 */
import type { Clock } from "../runtime/clock.ts";
import type { Json, RecordStore, StoredRecord } from "./record-store.ts";
import type { ServedRecords } from "./served-records.ts";
import { StoreError } from "./store-error.ts";

/** That something is owed, for the next start to see. */
export interface DebtMark {
  isSet(): Promise<boolean>;
  /** Rejects where it cannot be written. */
  set(): Promise<void>;
  clear(): Promise<void>;
}

export type OwingRecordsOptions = {
  /** Opens them; `distrust` is called whenever the server may have forgotten what was last written. */
  readonly open: (distrust: () => void) => Promise<ServedRecords>;
  readonly mark: DebtMark;
  readonly clock: Clock;
  /** Of what an older value does no harm: written straight, or not at all. */
  readonly isHarmless: (key: string) => boolean;
  /** Hears why a mark could not be written or cleared. */
  readonly onMarkFailure: (error: unknown) => void;
  /** Bytes that may be owed; 16 MiB. */
  readonly mostOwed?: number;
};

/** The value as text; undefined: it is to be deleted. */
type Debt = { readonly text: string | undefined; readonly bytes: number };

/** Milliseconds until what could not be paid is tried again. */
const untilNextTry = 500;
/** At a stop. */
const patience = 1_000;
const batch = 500;
const perDebt = 200;

export class OwingRecords implements RecordStore {
  readonly #options: OwingRecordsOptions;
  #records: ServedRecords | undefined;
  readonly #owed = new Map<string, Debt>();
  #owedBytes = 0;
  /** What the server has may be older than what was told to clients. */
  #isDistrusted = false;
  #isMarked = false;
  #paying: Promise<void> | undefined;
  #marking: Promise<void> = Promise.resolve();
  #cancelTry: (() => void) | undefined;
  #isClosed = false;

  /** A server that cannot be reached keeps nobody from starting. */
  static async open(options: OwingRecordsOptions): Promise<OwingRecords> {
    const owing = new OwingRecords(options);
    await owing.#open();
    return owing;
  }

  private constructor(options: OwingRecordsOptions) {
    this.#options = options;
  }

  /** Sentences for `/readyz`; none while all is well. */
  get degraded(): readonly string[] {
    const away = this.#served.away;
    if (away !== undefined) return [`${away.message}; pulls go on without what was remembered`];
    if (!this.#isMarked) return [];
    return ["what is remembered could not be written down and is tried again"];
  }

  async get(key: string): Promise<Json | undefined> {
    const debt = this.#owed.get(key);
    if (debt !== undefined) return valueIn(debt);
    if (this.#isDistrusted) return undefined;
    const value = await this.#served.get(key);
    // It may have become so while the answer was on its way.
    return this.#isDistrusted ? undefined : value;
  }

  async set(key: string, value: Json, ttl?: number): Promise<void> {
    if (ttl === undefined) return this.setMany([{ key, value }]);
    await this.#settled();
    await this.#served.set(key, value, ttl);
  }

  async delete(key: string): Promise<void> {
    await this.deleteMany([key]);
  }

  async setMany(records: readonly StoredRecord[]): Promise<void> {
    const harmless: StoredRecord[] = [];
    for (const record of records) {
      if (this.#options.isHarmless(record.key)) harmless.push(record);
      else this.#owe(record.key, JSON.stringify(record.value));
    }
    if (harmless.length > 0) await this.#served.setMany(harmless);
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    const harmless: string[] = [];
    for (const key of keys) {
      if (this.#options.isHarmless(key)) harmless.push(key);
      else this.#owe(key, undefined);
    }
    if (harmless.length > 0) await this.#served.deleteMany(harmless);
  }

  async *list(prefix: string): AsyncIterable<StoredRecord> {
    const told = new Set<string>();
    for (const [key, debt] of [...this.#owed]) {
      if (!key.startsWith(prefix)) continue;
      told.add(key);
      const value = valueIn(debt);
      if (value !== undefined) yield { key, value };
    }
    if (this.#isDistrusted) return;
    for await (const record of this.#served.list(prefix)) {
      if (this.#isDistrusted) return;
      // Owed since this list began: what the server has is older.
      if (!told.has(record.key) && !this.#owed.has(record.key)) yield record;
    }
  }

  async putIfAbsent(key: string, value: Json, ttl?: number): Promise<boolean> {
    await this.#settled();
    return this.#served.putIfAbsent(key, value, ttl);
  }

  /** Pays what it can within a second; the rest is what the next start may not trust. Never rejects. */
  async close(): Promise<void> {
    const { clock } = this.#options;
    this.#tryNow();
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(patience, late.resolve);
    await Promise.race([this.#paying, late.promise]);
    cancel();
    this.#isClosed = true;
    await this.#served.close();
    this.#cancelTry?.();
    await this.#paying;
    if (this.#owed.size > 0) this.#setMark();
    await this.#marking;
  }

  async #open(): Promise<void> {
    const { mark, open } = this.#options;
    this.#isMarked = await mark.isSet();
    this.#isDistrusted = this.#isMarked;
    this.#records = await open(() => this.#distrust());
    if (this.#isDistrusted) this.#pay();
  }

  get #served(): ServedRecords {
    if (this.#records === undefined) throw new StoreError("RECORDS", "the records are not open");
    return this.#records;
  }

  /** Throws StoreError while something is owed that cannot be paid. */
  async #settled(): Promise<void> {
    await this.#paying;
    const isOwing = this.#owed.size > 0 || this.#isDistrusted;
    if (isOwing)
      throw this.#served.away ?? new StoreError("RECORDS", "older records are unwritten");
  }

  #owe(key: string, text: string | undefined): void {
    this.#forget(key);
    const bytes = perDebt + key.length + (text?.length ?? 0);
    this.#owed.set(key, { text, bytes });
    this.#owedBytes += bytes;
    const { mostOwed = 16 * 1024 * 1024 } = this.#options;
    if (this.#owedBytes > mostOwed) {
      this.#owed.clear();
      this.#owedBytes = 0;
      this.#distrust();
    }
    this.#pay();
  }

  #forget(key: string): void {
    this.#owedBytes -= this.#owed.get(key)?.bytes ?? 0;
    this.#owed.delete(key);
  }

  /** Nothing of what the server has is read before all of it is gone. */
  #distrust(): void {
    this.#isDistrusted = true;
    this.#setMark();
    if (this.#records !== undefined) this.#pay();
  }

  #pay(): void {
    if (this.#isClosed || this.#paying !== undefined || this.#cancelTry !== undefined) return;
    this.#paying = this.#payAll().finally(() => {
      this.#paying = undefined;
    });
  }

  async #payAll(): Promise<void> {
    try {
      while (this.#owed.size > 0 || this.#isDistrusted) {
        if (this.#isDistrusted) await this.#clear();
        await this.#payBatch();
      }
      this.#clearMark();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#setMark();
      if (!this.#isClosed) this.#tryLater();
    }
  }

  async #clear(): Promise<void> {
    await this.#served.clear();
    this.#isDistrusted = false;
  }

  async #payBatch(): Promise<void> {
    const debts = firstOf(this.#owed, batch);
    const set: StoredRecord[] = [];
    const gone: string[] = [];
    for (const [key, debt] of debts) {
      const value = valueIn(debt);
      if (value === undefined) gone.push(key);
      else set.push({ key, value });
    }
    if (set.length > 0) await this.#served.setMany(set);
    if (gone.length > 0) await this.#served.deleteMany(gone);
    // What was written again meanwhile is still owed.
    for (const [key, debt] of debts) if (this.#owed.get(key) === debt) this.#forget(key);
  }

  #tryLater(): void {
    this.#cancelTry = this.#options.clock.after(untilNextTry, () => {
      this.#cancelTry = undefined;
      this.#pay();
    });
  }

  #tryNow(): void {
    this.#cancelTry?.();
    this.#cancelTry = undefined;
    if (this.#owed.size > 0) this.#pay();
  }

  #setMark(): void {
    if (this.#isMarked) return;
    this.#isMarked = true;
    this.#writeMark(() => this.#options.mark.set());
  }

  #clearMark(): void {
    if (!this.#isMarked) return;
    this.#isMarked = false;
    this.#writeMark(() => this.#options.mark.clear());
  }

  #writeMark(write: () => Promise<void>): void {
    this.#marking = this.#marking.then(write).catch(this.#options.onMarkFailure);
  }
}

function firstOf<Key, Value>(map: ReadonlyMap<Key, Value>, most: number): [Key, Value][] {
  const first: [Key, Value][] = [];
  for (const entry of map) {
    if (first.length === most) break;
    first.push(entry);
  }
  return first;
}

function valueIn({ text }: Debt): Json | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Json);
}
