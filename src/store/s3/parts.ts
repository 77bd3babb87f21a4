/**
 * A large object in parts, a few at a time, each read from its own place of the file as it is sent: memory
 * stays flat however large it is, and a part that breaks off is sent anew alone. It ends whole, or aborted.
 */
import { Readable } from "node:stream";
import type { CompletedPart } from "@aws-sdk/client-s3";
import type { ToArchive } from "../archive.ts";
import { StoreError } from "../store-error.ts";

export type ObjectPart = { readonly number: number; readonly start: number; readonly end: number };

/** Larger objects go in parts. */
export const largestWhole = 64 * 1024 * 1024;
/** S3 takes no more, and no object of more than 5 TiB. */
const mostParts = 10_000;
const atOnce = 3;
const triesOfPart = 3;
const piece = 256 * 1024;

export function partsOf(size: number): readonly ObjectPart[] {
  const length = Math.max(largestWhole, Math.ceil(size / mostParts / piece) * piece);
  const count = Math.max(1, Math.ceil(size / length));
  return Array.from({ length: count }, (_, index) => ({
    number: index + 1,
    start: index * length,
    end: Math.min(size, (index + 1) * length),
  }));
}

/** `send` sends one part and resolves with what is to be said of it in the end. Throws what it threw last. */
export async function sendParts(
  size: number,
  send: (part: ObjectPart, signal: AbortSignal) => Promise<CompletedPart>,
  signal: AbortSignal,
): Promise<readonly CompletedPart[]> {
  const parts = partsOf(size);
  const done: CompletedPart[] = [];
  const stop = new AbortController();
  const within = AbortSignal.any([signal, stop.signal]);
  const left = parts.values();
  const worker = async (): Promise<void> => {
    for (const part of left) done[part.number - 1] = await sendOne(part, send, within);
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, worker));
  } catch (error) {
    stop.abort(error);
    throw error;
  }
  return done;
}

async function sendOne(
  part: ObjectPart,
  send: (part: ObjectPart, signal: AbortSignal) => Promise<CompletedPart>,
  signal: AbortSignal,
): Promise<CompletedPart> {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    try {
      return await send(part, signal);
    } catch (error) {
      if (tries === triesOfPart || signal.aborted) throw error;
    }
  }
}

/** The bytes of a stretch of it, as a body. */
export function stretchOf(blob: ToArchive, { start, end }: Omit<ObjectPart, "number">): Readable {
  return Readable.from(pieces(blob, start, end), { objectMode: false, highWaterMark: piece });
}

async function* pieces(blob: ToArchive, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let position = start; position < end; ) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(piece, end - position));
    const length = await blob.read(buffer, position);
    if (length === 0) throw new StoreError("IO", `${blob.digest} ends at ${position}`);
    yield buffer.subarray(0, length);
    position += length;
  }
}
