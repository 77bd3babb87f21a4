import { describe, expect, it } from "vitest";
import { SharedReads } from "../../src/download/shared-reads.ts";

const bytes = Buffer.from("0123456789abcdef");

/** Reads of `bytes` that end when told to, and how many there were. */
function file() {
  const reads: { readonly position: number; readonly end: (most?: number) => void }[] = [];
  const shared = new SharedReads((buffer, position) => {
    const done = Promise.withResolvers<number>();
    reads.push({
      position,
      end: (most = buffer.length) => done.resolve(bytes.copy(buffer, 0, position, position + most)),
    });
    return done.promise;
  });
  return { reads, shared };
}

describe("shared reads", () => {
  it("read once for all who want the same bytes at the same moment", async () => {
    const { reads, shared } = file();
    const buffers = [8, 8, 4].map((length) => Buffer.alloc(length));
    const lengths = buffers.map((buffer) => shared.read(buffer, 2));
    expect(reads).toHaveLength(1);
    reads[0]?.end();
    expect(await Promise.all(lengths)).toEqual([8, 8, 4]);
    expect(buffers.map(String)).toEqual(["23456789", "23456789", "2345"]);
  });

  it("read for somebody who wants other bytes, or comes when the read is over", async () => {
    const { reads, shared } = file();
    const first = shared.read(Buffer.alloc(8), 0);
    const other = shared.read(Buffer.alloc(8), 6);
    expect(reads.map(({ position }) => position)).toEqual([0, 6]);
    for (const { end } of reads) end();
    await Promise.all([first, other]);
    const late = shared.read(Buffer.alloc(8), 0);
    expect(reads).toHaveLength(3);
    reads[2]?.end();
    expect(await late).toBe(8);
  });

  it("give each its bytes before anybody can read over them", async () => {
    const { reads, shared } = file();
    const mine = Buffer.alloc(4);
    const theirs = Buffer.alloc(4);
    const owner = shared.read(mine, 0).then(() => mine.fill("x"));
    const guest = shared.read(theirs, 0);
    reads[0]?.end();
    await Promise.all([owner, guest]);
    expect(String(theirs)).toBe("0123");
  });

  it("read again for a guest whose bytes a short read did not reach", async () => {
    const { reads, shared } = file();
    const owner = shared.read(Buffer.alloc(8), 0);
    const buffer = Buffer.alloc(4);
    const guest = shared.read(buffer, 4);
    reads[0]?.end(3);
    expect(await owner).toBe(3);
    reads[1]?.end();
    expect([await guest, String(buffer)]).toEqual([4, "4567"]);
  });

  it("fail for all, and work again for the next", async () => {
    let isBroken = true;
    const shared = new SharedReads(async (buffer) => {
      await Promise.resolve();
      if (isBroken) throw new Error("EIO");
      return buffer.length;
    });
    const both = [shared.read(Buffer.alloc(4), 0), shared.read(Buffer.alloc(4), 0)];
    const ends = await Promise.allSettled(both);
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    isBroken = false;
    expect(await shared.read(Buffer.alloc(4), 0)).toBe(4);
  });
});
