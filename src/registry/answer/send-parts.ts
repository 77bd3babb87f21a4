/** Reads a source and writes it to a client: read, write, wait, with one buffer. */
import type { ByteSource } from "../../download/byte-source.ts";
import type { ByteRange } from "../../protocol/http/range.ts";
import type { BodyWriter } from "./body-writer.ts";
import type { Layout } from "./layout.ts";
import type { Loan } from "./reader-buffers.ts";

export type Sending = {
  readonly writer: BodyWriter;
  readonly loan: Loan;
  readonly source: ByteSource;
  readonly signal: AbortSignal;
};

/** Resolves when all of it has left; rejects when the source or the client fails. */
export async function sendParts(
  sending: Sending,
  { parts, epilogue }: Pick<Layout, "parts" | "epilogue">,
): Promise<void> {
  const last = epilogue === undefined ? parts.at(-1) : undefined;
  for (const part of parts) {
    if (part.preamble !== undefined) await sending.writer.write(part.preamble);
    await sendRange(sending, part.range, part === last);
  }
  if (epilogue !== undefined) await sending.writer.end(epilogue);
}

/** The last piece ends the answer, so that a small body leaves in one packet. */
async function sendRange(sending: Sending, range: ByteRange, endsAnswer: boolean): Promise<void> {
  const { writer, loan, source, signal } = sending;
  let position = range.start;
  while (position < range.end) {
    const remaining = range.end - position;
    const buffer = loan.buffer(remaining);
    const target = buffer.length > remaining ? buffer.subarray(0, remaining) : buffer;
    const count = await source.read(target, position, signal);
    if (count === 0) return endOfUnknown(writer, range);
    position += count;
    const piece = target.subarray(0, count);
    if (endsAnswer && position === range.end) await writer.end(piece);
    else await writer.write(piece);
  }
}

async function endOfUnknown(writer: BodyWriter, range: ByteRange): Promise<void> {
  if (range.end !== Number.POSITIVE_INFINITY) throw new Error("the bytes ended before their size");
  await writer.end();
}
