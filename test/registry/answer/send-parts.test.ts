import { describe, expect, it } from "vitest";
import { type BodyWriter, sendParts } from "../../../src/registry/answer/body-writer.ts";
import { ReaderBuffers } from "../../../src/registry/answer/reader-buffers.ts";
import { bytesOf, CountingSource } from "../rig.ts";

/** Keeps what is written, and says how: `write` or `end`. */
class Kept {
  readonly pieces: Buffer[] = [];
  readonly calls: string[] = [];
  isFast = false;

  async write(chunk: Uint8Array): Promise<void> {
    this.calls.push("write");
    this.pieces.push(Buffer.from(chunk));
  }

  async end(chunk?: Uint8Array): Promise<void> {
    this.calls.push("end");
    if (chunk !== undefined) this.pieces.push(Buffer.from(chunk));
  }
}

async function send(
  source: CountingSource,
  ranges: [number, number][],
  epilogue?: Uint8Array,
  kept = new Kept(),
) {
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

  it("are read in larger stretches for who is fast, and leave in pieces all the same", async () => {
    const large = bytesOf(6_000_000);
    const source = new CountingSource(large);
    const kept = new Kept();
    kept.isFast = true;
    const { calls, body } = await send(source, [[3, 5_999_999]], undefined, kept);
    expect(body.equals(large.subarray(3, 5_999_999))).toBe(true);
    expect(calls.indexOf("end")).toBe(calls.length - 1);
    // The first stretch shows whether it is one.
    expect([source.reads, source.largestRead]).toEqual([4, 2 * 1024 * 1024]);
    expect(Math.max(...kept.pieces.map((piece) => piece.length))).toBe(512 * 1024);
  });

  it("are read in small stretches again once a client is slow", async () => {
    const source = new CountingSource(bytesOf(6_000_000));
    const kept = new Kept();
    kept.isFast = true;
    const write = kept.write.bind(kept);
    kept.write = async (chunk) => {
      await write(chunk);
      if (kept.calls.length === 3) kept.isFast = false;
    };
    await send(source, [[0, 6_000_000]], undefined, kept);
    const [first, second] = [256 * 1024, 2 * 1024 * 1024];
    expect(source.reads).toBe(2 + Math.ceil((6_000_000 - first - second) / first));
  });

  it("are read in small stretches while no more is there, however fast the client", async () => {
    const source = new CountingSource(bytesOf(1_000_000));
    const read = source.read.bind(source);
    let largest = 0;
    source.read = (buffer, position, signal) => {
      largest = Math.max(largest, buffer.length);
      return read(buffer.subarray(0, 64 * 1024), position, signal);
    };
    const kept = new Kept();
    kept.isFast = true;
    await send(source, [[0, 1_000_000]], undefined, kept);
    expect(largest).toBe(256 * 1024);
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
