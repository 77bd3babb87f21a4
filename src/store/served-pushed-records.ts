/**
 * Pushed records that another server keeps. Every write replaces the state beside them, and is carried
 * out only where that is still what the write before left: of a write without an answer it is found out
 * whether it was carried out, a late one is none any more, and a second program that writes there, or a
 * server that has lost something, is met with a sentence instead of a push that is not kept.
 */
import { randomBytes } from "node:crypto";
import type { PushedRecords, RecordChange } from "./pushed-records.ts";
import { readJson, type StoredRecord } from "./record-store.ts";
import { StoreError } from "./store-error.ts";

/** `text` undefined forgets the record. */
export type TextChange = { readonly key: string; readonly text: string | undefined };

/** What a server has to be able to do for it. Every method but `close` throws StoreError. */
export interface PushedTable {
  /** The server's address, without any login. */
  readonly where: string;
  /** Why nothing can be read or written for now. */
  readonly away: StoreError | undefined;
  /** Undefined where nothing was ever begun. */
  state(): Promise<string | undefined>;
  /** Makes the state where there is none; false where there is one. */
  begin(state: string): Promise<boolean>;
  /** All of it and the state, or none: false when the state was not `before`. FULL: none was written. */
  write(changes: readonly TextChange[], before: string, after: string): Promise<boolean>;
  /** In the order of the keys. */
  list(): AsyncIterable<{ readonly key: string; readonly text: string }>;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}

type Waiting = {
  readonly changes: readonly RecordChange[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

/** So many writes of which nobody knows are looked for before it is given up. */
const mostTries = 4;
const advice = "restore a backup, or begin anew in another DATA_DIR";

export class ServedPushedRecords implements PushedRecords {
  readonly #table: PushedTable;
  /** What the last write that had an answer left. */
  #state: string;
  /** What writes without an answer may have left since. */
  readonly #doubtful = new Set<string>();
  #waiting: Waiting[] = [];
  #isWriting = false;

  /**
   * Owns the table from here on. Throws StoreError RECORDS with a sentence for the operator, also where
   * there is nothing and it may not be new.
   */
  static async open(table: PushedTable, { mayBeNew = true } = {}): Promise<ServedPushedRecords> {
    try {
      return new ServedPushedRecords(table, await stateIn(table, mayBeNew));
    } catch (error) {
      await table.close();
      throw error;
    }
  }

  private constructor(table: PushedTable, state: string) {
    this.#table = table;
    this.#state = state;
  }

  /** Sentences for `/readyz`; none while all is well. */
  get degraded(): readonly string[] {
    const { away } = this.#table;
    return away === undefined ? [] : [`${away.message}; nothing can be pushed until it is back`];
  }

  async *list(): AsyncIterable<StoredRecord> {
    for await (const { key, text } of this.#table.list()) {
      const value = readJson(text);
      if (value !== undefined) yield { key, value };
      else
        throw lost(
          `what was pushed here is damaged at ${this.#table.where}, namely ${key}; ${advice}`,
        );
    }
  }

  write(changes: readonly RecordChange[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ changes, resolve, reject });
    if (!this.#isWriting) void this.#writeAll();
    return promise;
  }

  close(): Promise<void> {
    return this.#table.close();
  }

  /** Those that wait for one write go together in the next. Never rejects. */
  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const all = this.#waiting;
      this.#waiting = [];
      try {
        await this.#writeTogether(textsOf(all));
        for (const { resolve } of all) resolve();
      } catch (error) {
        for (const { reject } of all) reject(error);
      }
    }
    this.#isWriting = false;
  }

  async #writeTogether(changes: readonly TextChange[]): Promise<void> {
    for (let tries = 0; tries < mostTries; tries += 1) {
      if (this.#doubtful.size > 0) await this.#findState();
      const after = newState();
      if (await this.#tryWriting(changes, after)) {
        this.#state = after;
        this.#doubtful.clear();
        return;
      }
      // One that was late came between; or it is nobody's of ours, and that is said.
      await this.#findState();
    }
    throw lost(`what was pushed here changes too often at ${this.#table.where}`);
  }

  async #tryWriting(changes: readonly TextChange[], after: string): Promise<boolean> {
    const { away } = this.#table;
    if (away !== undefined) throw away;
    try {
      return await this.#table.write(changes, this.#state, after);
    } catch (error) {
      const isKnown = error instanceof StoreError && error.code === "FULL";
      if (!isKnown) this.#doubtful.add(after);
      throw error;
    }
  }

  /** Throws StoreError where it is none that we left. */
  async #findState(): Promise<void> {
    const { where } = this.#table;
    const found = await this.#table.state();
    if (found === undefined) throw lost(`what was pushed here is gone from ${where}; ${advice}`);
    if (found !== this.#state && !this.#doubtful.has(found)) {
      throw lost(
        `what was pushed here was changed at ${where} by somebody else, or brought back from an earlier time; run one Entrepot with it, and restart this one`,
      );
    }
    this.#doubtful.add(this.#state);
    this.#state = found;
  }
}

async function stateIn(table: PushedTable, mayBeNew: boolean): Promise<string> {
  const { where, away } = table;
  if (away !== undefined) throw away;
  const found = await table.state();
  if (found !== undefined) return found;
  if (!mayBeNew) throw lost(`what was pushed here is gone from ${where}; ${advice}`);
  const state = newState();
  if (await table.begin(state)) return state;
  throw lost(`somebody else begins at ${where} at the same time; run one Entrepot with it`);
}

function lost(sentence: string): StoreError {
  return new StoreError("RECORDS", sentence);
}

function newState(): string {
  return randomBytes(16).toString("hex");
}

/** The last of each key counts. */
function textsOf(all: readonly Waiting[]): readonly TextChange[] {
  const last = new Map<string, string | undefined>();
  for (const { key, value } of all.flatMap(({ changes }) => changes)) {
    last.set(key, value === undefined ? undefined : JSON.stringify(value));
  }
  return Array.from(last, ([key, text]) => ({ key, text }));
}
