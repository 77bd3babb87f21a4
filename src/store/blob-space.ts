/** The port to the room that bytes have. */

export interface BlobSpace {
  /** Free and total bytes of the volume; undefined where there is no such limit. Throws StoreError IO. */
  space(): Promise<{ readonly free: number; readonly total: number } | undefined>;
  /** Bytes of drafts that were set aside. */
  readonly aside: number;
  /** Deletes these. Never rejects. */
  clearAside(): Promise<void>;
}
