import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { OwnRange } from "../../src/download/own-range.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import { askFor, content, openerOf, readAll } from "../cache/support/pulling.ts";
import { type Script, ScriptedRegistry } from "../cache/support/scripted-registry.ts";
import { eventually } from "../support/eventually.ts";
import { runningHash } from "../support/running-hash.ts";
import { TestClock } from "../support/test-clock.ts";

const bytes = content(300_000);
const digest = digestOf(bytes);
const forever = new AbortController().signal;

type More = {
  readonly size?: number | undefined;
  readonly given?: Buffer;
  /** From 200,000 on, beyond a gap in the file. */
  readonly sentAhead?: Buffer;
};

function scene(from: number, script: (nth: number) => Script = () => ({}), more: More = {}) {
  const { size, given = bytes.subarray(0, from), sentAhead } = more;
  const upstream = new ScriptedRegistry(bytes, (_, nth) => ({ piece: 10_000, ...script(nth) }));
  const range = new OwnRange({
    digest,
    start: { position: from, hash: runningHash(bytes.subarray(0, from)) },
    given: { position: given.length, hash: runningHash(given) },
    sentAhead: sentAhead && {
      ...{ start: 200_000, end: 200_000 + sentAhead.length },
      hash: createHash("sha256").update(sentAhead).digest(),
    },
    readFile: async (buffer, position) => bytes.copy(buffer, 0, position, from),
    upstream: {
      open: (offset, signal) => openerOf(upstream)(askFor(digest), offset, signal),
      host: "registry.example",
      size,
      onBreak: () => undefined,
      clock: new TestClock(),
    },
  });
  return { range, upstream };
}

describe("a reader's own range", () => {
  it.each([0, 1, 150_000, 299_999, 300_000])(
    "gives all bytes when the file has %i",
    async (from) => {
      for (const noLength of [true, false]) {
        const { range } = scene(from, () => ({ noLength }), {
          size: noLength ? undefined : bytes.length,
        });
        expect((await readAll(range)).equals(bytes)).toBe(true);
        expect(range.size).toBe(bytes.length);
        await range.close();
      }
    },
  );

  it.each([0, 200_000, 299_999])("gives all bytes from %i on", async (start) => {
    const { range } = scene(100_000);
    const body = await readAll(range, { from: start, buffer: 7_000 });
    expect(body.equals(bytes.subarray(start))).toBe(true);
    await range.close();
  });

  it("goes on for whoever was given the right bytes before, and not for who was given wrong ones", async () => {
    const wrong = Buffer.from(bytes.subarray(0, 155_555));
    wrong[123_456] = (wrong[123_456] ?? 0) ^ 1;
    for (const size of [bytes.length, undefined]) {
      const right = scene(100_000, undefined, { size, given: bytes.subarray(0, 155_555) });
      const body = await readAll(right.range, { from: 140_000 });
      expect(body.equals(bytes.subarray(140_000))).toBe(true);
      await right.range.close();
      const { range } = scene(100_000, undefined, { size, given: wrong });
      await expect(readAll(range, { from: 140_000 })).rejects.toMatchObject({
        code: "WRONG_DIGEST",
      });
      await range.close();
    }
  });

  it("goes on for who was sent bytes beyond a gap of the file when the disk filled up, if they were right", async () => {
    const sent = bytes.subarray(200_000, 223_456);
    const right = scene(100_000, undefined, { sentAhead: sent });
    const body = await readAll(right.range, { from: 223_456 });
    expect(body.equals(bytes.subarray(223_456))).toBe(true);
    await right.range.close();
    const wrong = Buffer.from(sent);
    wrong[0] = (wrong[0] ?? 0) ^ 1;
    const { range } = scene(100_000, undefined, { sentAhead: wrong });
    await expect(readAll(range, { from: 223_456 })).rejects.toMatchObject({ code: "WRONG_DIGEST" });
    await range.close();
  });

  it("holds the tail back, also what of it is in the file", async () => {
    const { range } = scene(280_000, () => ({ corruptAt: 290_000 }), { size: bytes.length });
    const released = bytes.length - 64 * 1024;
    expect(await readAll(range, { to: released })).toHaveLength(released);
    await expect(range.read(Buffer.alloc(1), released, forever)).rejects.toMatchObject({
      code: "WRONG_DIGEST",
    });
    await range.close();
  });

  it("does not ask the upstream for what the file has", async () => {
    const { range, upstream } = scene(100_000, undefined, { size: bytes.length });
    await readAll(range, { to: 100_000 });
    expect(upstream.seen).toHaveLength(0);
    await range.close();
  });

  it("heals", async () => {
    const { range, upstream } = scene(100_000, (nth) => (nth < 3 ? { cutAt: 120_000 } : {}));
    expect((await readAll(range)).equals(bytes)).toBe(true);
    expect(upstream.sent).toBe(200_000);
    await range.close();
  });

  it("lets go of its connection when its reader leaves or closes it", async () => {
    for (const way of ["leaves", "closes"]) {
      const gate = new Promise(() => undefined);
      const { range, upstream } = scene(0, () => ({ stallAt: 0, gate }));
      const leaving = new AbortController();
      const read = expect(range.read(Buffer.alloc(1), 0, leaving.signal)).rejects.toThrow();
      await eventually(() => expect(upstream.seen).toHaveLength(1));
      if (way === "leaves") leaving.abort();
      await range.close();
      await read;
      await eventually(() => expect(upstream.open).toBe(0));
    }
  });
});
