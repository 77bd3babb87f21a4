import { describe, expect, it } from "vitest";
import { type BodyWriter, sendParts } from "../../../src/registry/answer/body-writer.ts";
import { ReaderBuffers } from "../../../src/registry/answer/reader-buffers.ts";
import { bytesOf, CountingSource } from "../rig.ts";

/** Keeps what is written, and says how: `write` or `end`. */
class Kept {
  readonly pieces: Buffer[] = [];
  readonly calls: string[] = [];

  async write(chunk: Uint8Array): Promise<void> {
    this.calls.push("write");
    this.pieces.push(Buffer.from(chunk));
  }

  async end(chunk?: Uint8Array): Promise<void> {
    this.calls.push("end");
    if (chunk !== undefined) this.pieces.push(Buffer.from(chunk));
  }
}

async function send(source: CountingSource, ranges: [number, number][], epilogue?: Uint8Array) {
  const kept = new Kept();
  const parts = ranges.map(([start, end]) => ({ range: { start, end }, preamble: undefined }));
  await sendParts(
    {
      writer: kept as unknown as BodyWriter,
      loan: new ReaderBuffers().lend(),
      source,
      signal: new AbortController().signal,
    },
    { parts, epilogue },
  );
  return { calls: kept.calls, body: Buffer.concat(kept.pieces) };
}

const bytes = bytesOf(600_000);

describe("bytes on their way to a client", () => {
  it("leave in one piece with the end when they are few", async () => {
    const { calls, body } = await send(new CountingSource(bytes), [[10, 500]]);
    expect(calls).toEqual(["end"]);
    expect(body.equals(bytes.subarray(10, 500))).toBe(true);
  });

  it("leave piece by piece, the last with the end, and never a byte more", async () => {
    const source = new CountingSource(bytes);
    const { calls, body } = await send(source, [[0, 599_999]]);
    expect(calls).toEqual(["write", "write", "end"]);
    expect(body.equals(bytes.subarray(0, 599_999))).toBe(true);
    expect([source.bytesRead, source.largestRead]).toEqual([599_999, 256 * 1024]);
  });

  it("of several ranges end with the epilogue", async () => {
    const source = new CountingSource(bytes);
    const { calls, body } = await send(
      source,
      [
        [5, 6],
        [0, 2],
      ],
      Buffer.from("--"),
    );
    expect(calls).toEqual(["write", "write", "end"]);
    const expected = Buffer.concat([bytes.subarray(5, 6), bytes.subarray(0, 2), Buffer.from("--")]);
    expect(body.equals(expected)).toBe(true);
  });

  it("of unknown number end when the source says so", async () => {
    const { calls, body } = await send(new CountingSource(bytes), [[0, Number.POSITIVE_INFINITY]]);
    expect(calls.at(-1)).toBe("end");
    expect(body.equals(bytes)).toBe(true);
  });

  it("that end before their size never end the answer", async () => {
    await expect(send(new CountingSource(bytes), [[0, 600_001]])).rejects.toThrow(
      "before their size",
    );
  });
});
