/**
 * How one reader goes on alone when the shared file can be written, or read, no more. Nobody else
 * pays for it, and what it is given stays under the same rules.
 */
import type { ResumingAsk } from "./resuming-body.ts";

export interface OwnWay {
  readonly size: number | undefined;
  /** As ByteSource says, but only forward. */
  read(buffer: Uint8Array, position: number, signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

/** What all its requests have in common. */
export type OwnWayUpstream = Pick<ResumingAsk, "host" | "size" | "onBreak" | "clock"> & {
  readonly open: (
    offset: number,
    signal: AbortSignal,
    part?: { readonly end: number },
  ) => ReturnType<ResumingAsk["open"]>;
};
