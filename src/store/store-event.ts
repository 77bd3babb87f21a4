/** What a store tells of itself: things an operator should hear of although no request failed. */
import type { Digest } from "../protocol/digest.ts";
import type { StoreError } from "./store-error.ts";

/** What is asked of an archive. */
export type ArchiveOperation = "put" | "stat" | "open" | "delete" | "list" | "tidy";

export type StoreEvent =
  /** The archive was asked; `error` where it failed. */
  | {
      readonly kind: "archiveAsked";
      readonly operation: ArchiveOperation;
      readonly milliseconds: number;
      readonly error?: unknown;
    }
  /** It failed again and again, and is asked again in so many milliseconds. */
  | { readonly kind: "archiveLost"; readonly error: unknown; readonly retryIn: number }
  /** It answers again; it was away for so long. */
  | { readonly kind: "archiveBack"; readonly milliseconds: number }
  /** It has the blob too from now on. */
  | { readonly kind: "blobArchived"; readonly digest: Digest; readonly size: number }
  /** What it has under that digest are other bytes. */
  | { readonly kind: "archiveWrong"; readonly digest: Digest }
  /** A blob's size was not the recorded one; it is gone and will be fetched again. */
  | { readonly kind: "blobDropped"; readonly digest: Digest; readonly size: number }
  /** A held blob has wrong bytes; it was set aside and has to be pushed again. */
  | { readonly kind: "blobQuarantined"; readonly digest: Digest; readonly path: string }
  /** The volume did not confirm a write; the blob is given up and the next start re-hashes all. */
  | { readonly kind: "syncFailed"; readonly digest: Digest; readonly error: Error }
  /** So many kept blobs, or folders of them, could not be looked at when all were; `error` is the first. */
  | { readonly kind: "blobsPassedOver"; readonly count: number; readonly error: StoreError }
  /** The volume had no room for a start: so many blobs, those not used for longest, were deleted. */
  | { readonly kind: "roomMade"; readonly blobs: number; readonly bytes: number }
  /** The marker of a clean stop could not be left: the next start re-hashes all. */
  | { readonly kind: "markerFailed"; readonly error: unknown }
  /** Nothing can be read from the records nor written to them; they are tried again in so many milliseconds. */
  | { readonly kind: "recordsLost"; readonly error: StoreError; readonly retryIn: number }
  /** They can again; they were away for so long. */
  | { readonly kind: "recordsBack"; readonly milliseconds: number }
  /** A record is none of ours, or damaged: it counts as not there. */
  | { readonly kind: "recordUnreadable"; readonly key: string }
  /** A server of records was asked: for counting only. */
  | {
      readonly kind: "recordsAsked";
      readonly operation: RecordOperation;
      readonly milliseconds: number;
      /** Where it failed. */
      readonly error?: unknown;
    };

export type RecordOperation = "get" | "set" | "delete" | "list" | "clear" | "push";

export type ObserveStore = (event: StoreEvent) => void;
