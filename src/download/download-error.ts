/** Why the cache cannot go on handing out bytes, as a code from a closed list. */
import { UpstreamError } from "../upstream/upstream-error.ts";
import { UpstreamRefusal } from "../upstream/upstream-refusal.ts";

export type DownloadErrorCode =
  /** The bytes are not those of their digest. */
  | "WRONG_DIGEST"
  /** More or fewer bytes than the upstream declares. */
  | "WRONG_LENGTH"
  /** The upstream makes nothing of ranges, or has another blob at that place now. */
  | "NO_PARTS"
  /** The file that feeds the readers cannot be written any further; each goes on by itself. */
  | "DISK"
  /** Nobody reads it any more and it may not go on alone, or the program stops. */
  | "ABANDONED"
  /** The caller's signal ended the wait. */
  | "ABORTED";

export class DownloadError extends Error {
  readonly code: DownloadErrorCode;

  constructor(code: DownloadErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DownloadError";
    this.code = code;
  }
}

/** Whether it is the cache's own error, of one of these kinds. */
export function isDownloadError(error: unknown, ...codes: readonly DownloadErrorCode[]): boolean {
  return error instanceof DownloadError && codes.includes(error.code);
}

/** What a failure says about the bytes that came before it: nothing, or that they are of no use. */
export function leavesBytesGood(failure: unknown): boolean {
  if (failure instanceof DownloadError) return failure.code === "ABANDONED";
  if (failure instanceof UpstreamRefusal) return true;
  return failure instanceof UpstreamError && !["PROTOCOL", "TOO_LARGE"].includes(failure.code);
}
