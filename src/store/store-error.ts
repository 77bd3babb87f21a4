/** What goes wrong with kept bytes and records, as a code from a closed list. */

export type StoreErrorCode =
  /** No room left on the volume. */
  | "FULL"
  /** The volume cannot be read or written. */
  | "IO"
  /** The volume failed again and again, and takes no new blobs for a while. */
  | "PAUSED"
  /** The record backend failed. */
  | "RECORDS"
  /** The archive cannot be reached, or refuses. */
  | "ARCHIVE"
  /** Another process holds the data folder. */
  | "LOCKED"
  /** The data folder was written by a version this one does not know, or cannot be made. */
  | "FORMAT";

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreError";
    this.code = code;
  }
}

/** The error for something another error caused. */
export function storeErrorFrom(cause: unknown, code: StoreErrorCode, message: string): StoreError {
  return new StoreError(code, message, { cause });
}
