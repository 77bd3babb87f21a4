/** The port to records that another server keeps, which may be away or may forget. */
import type { RecordStore } from "./record-store.ts";
import type { StoreError } from "./store-error.ts";

export interface ServedRecords extends RecordStore {
  /** Why nothing can be read or written for now. */
  readonly away: StoreError | undefined;
  /** Forgets every record. Throws StoreError RECORDS; then some may be left. */
  clear(): Promise<void>;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}
