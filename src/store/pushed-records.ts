/**
 * The port to what is known of pushed content: nobody else has it, so what was written outlives a power
 * cut, and what belongs together is written together or not at all.
 */
import type { Json, StoredRecord } from "./record-store.ts";

/** `value` undefined forgets the record. */
export type RecordChange = { readonly key: string; readonly value: Json | undefined };

export interface PushedRecords {
  /** Every record in the order of the keys. Throws StoreError RECORDS. */
  list(): AsyncIterable<StoredRecord>;
  /**
   * Writes all of these or none; resolves once they survive a power cut. Throws StoreError: FULL when
   * none was written, RECORDS when nobody knows; whoever asked must believe neither then.
   */
  write(changes: readonly RecordChange[]): Promise<void>;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}
