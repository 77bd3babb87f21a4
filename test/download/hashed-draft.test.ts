import { describe, expect, it } from "vitest";
import { HashedDraft } from "../../src/download/hashed-draft.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import { hashHere, type RunningHash } from "../../src/runtime/hashing.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { Chance } from "../cache/support/chance.ts";
import { FaultyBlobs } from "../cache/support/faulty-blobs.ts";
import { content } from "../cache/support/pulling.ts";

const bytes = content(1_000);

/** Nothing is too large for it, unless the test says otherwise. */
function draftOf(blobs: FaultyBlobs, digest = digestOf(bytes), mostKept = 1e9) {
  const told: unknown[] = [];
  const { signal } = new AbortController();
  const failures: unknown[] = [];
  const onFailed = (error: unknown): void => void failures.push(error);
  const onTooLarge = (size: number | undefined): void => void told.push(size);
  const onHashed = (): void => undefined;
  const how = { beginHash: hashHere, onTooLarge, onHashed, onFailed, signal };
  const draft = new HashedDraft({ digest, blobs, mostKept, ...how });
  return { draft, told, failures };
}

/** What the hash comes to with all bytes from there on. */
async function withRest(hash: RunningHash, from: number): Promise<string> {
  const whole = await hash.after(bytes.subarray(from));
  return `sha256:${(await whole.digest()).toString("hex")}`;
}

describe("a hashed draft", () => {
  for (const algorithm of ["sha256", "sha512"] as const) {
    it(`is kept when what was written is what the ${algorithm} digest says`, async () => {
      const blobs = new FaultyBlobs();
      const digest = digestOf(bytes, algorithm);
      const { draft } = draftOf(blobs, digest);
      await draft.write(bytes.subarray(0, 600), 0);
      expect(await draft.isRight()).toBe(false);
      await draft.write(bytes.subarray(600), 600);
      expect(await draft.isRight()).toBe(true);
      expect(await draft.commit()).toBe(true);
      await draft.leave(undefined);
      const buffer = Buffer.alloc(10);
      expect(await draft.read(buffer, 990)).toBe(10);
      expect(buffer).toEqual(bytes.subarray(990));
      await draft.close();
      expect(await blobs.stat(digest)).toMatchObject({ size: 1_000 });
    });
  }

  it("gives its first bytes to who waits for them, whatever becomes of the file", async () => {
    const { draft } = draftOf(new FaultyBlobs({ fullAt: 2 }));
    const said: string[] = [];
    const writing = draft.write(Buffer.from("0123"), 0, () => said.push("can be read"));
    await expect(writing).rejects.toMatchObject({ code: "FULL" });
    expect(said).toEqual(["can be read"]);
    const buffer = Buffer.alloc(4);
    expect([await draft.read(buffer, 0), String(buffer)]).toEqual([4, "0123"]);
    await draft.close();
  });

  it("has its first bytes at hand until the file has them, however much lies behind", async () => {
    const { draft } = draftOf(new FaultyBlobs({ fullAt: 4 }));
    const behind = draft.write(Buffer.from("behind"), 2 * 1024 * 1024);
    const first = draft.write(Buffer.from("0123"), 0);
    await Promise.allSettled([behind, first]);
    await draft.write(Buffer.from("behind"), 3 * 1024 * 1024).catch(() => undefined);
    const buffer = Buffer.alloc(4);
    expect([await draft.read(buffer, 0), String(buffer)]).toEqual([4, "0123"]);
    await draft.close();
  });

  it("has its first bytes at hand, and no more of them than it was given", async () => {
    const { draft } = draftOf(new FaultyBlobs({ unreadableAfter: 0 }));
    const first = Buffer.from("0123");
    await draft.write(first, 0);
    first.fill("x");
    const buffer = Buffer.alloc(8, ".");
    expect([await draft.read(buffer, 1), String(buffer)]).toEqual([3, "123....."]);
    await draft.write(Buffer.from("4567"), 4);
    expect(await draft.read(buffer, 3)).toBe(1);
    await expect(draft.read(buffer, 4)).rejects.toThrow();
    await draft.close();
  });

  it.each([
    ["written", { fullAt: 3 }],
    ["read", { unreadableAfter: 0 }],
  ])("says that it cannot be %s", async (_, trouble) => {
    const { draft, failures } = draftOf(new FaultyBlobs(trouble));
    await draft.write(Buffer.from("01"), 0);
    const append = draft.write(Buffer.from("23456789"), 2);
    const read = append.then(() => draft.read(Buffer.alloc(1), 2));
    await expect(read).rejects.toThrow();
    expect(failures).toEqual([await read.catch((error: unknown) => error)]);
    await draft.close();
  });

  it("has the hash of what can be read after a write that failed halfway", async () => {
    const { draft } = draftOf(new FaultyBlobs({ fullAt: 700 }));
    await draft.write(bytes.subarray(0, 500), 0);
    await expect(draft.write(bytes.subarray(500), 500)).rejects.toMatchObject({ code: "FULL" });
    expect(draft.hashed).toBe(500);
    expect(await withRest(draft.end().hash, 500)).toBe(digestOf(bytes));
    await draft.close();
  });

  it("is left to the next of its id, which has its hash, if it is worth it", async () => {
    const much = content(1024 * 1024 + 1_000);
    for (const [length, isLeft] of [
      [1024 * 1024 - 1, false],
      [1024 * 1024, true],
    ] as const) {
      const blobs = new FaultyBlobs();
      const { draft } = draftOf(blobs, digestOf(much));
      await draft.takeUp("id");
      expect(draft.left).toEqual([]);
      await draft.write(much.subarray(0, length), 0);
      await draft.leave("id");
      await draft.close();
      const { draft: next } = draftOf(blobs, digestOf(much));
      const left = isLeft ? length : 0;
      await next.takeUp("id");
      expect(next.left).toEqual(isLeft ? [{ start: 0, end: length }] : []);
      expect([next.hashed, next.hasGrown]).toEqual([0, false]);
      next.goOn();
      await next.settled();
      expect([next.hashed, next.left, next.hasGrown]).toEqual([left, [], false]);
      await next.write(much.subarray(left), left);
      expect([await next.isRight(), next.hasGrown]).toEqual([true, true]);
      expect(next.before(512 * 1024).position).toBeLessThanOrEqual(512 * 1024);
      await next.close();
      expect(blobs.drafts).toBe(0);
    }
  });

  it("hands on what was left when nobody makes use of it, or throws it away", async () => {
    const blobs = new FaultyBlobs();
    const { draft } = draftOf(blobs);
    await draft.takeUp("id");
    await draft.write(Buffer.alloc(1024 * 1024), 0);
    await draft.leave("id");
    for (const [label, left] of [
      ["another", 1024 * 1024],
      [undefined, 0],
    ] as const) {
      const { draft: next } = draftOf(blobs);
      await next.takeUp("id");
      expect(next.left).toEqual([{ start: 0, end: 1024 * 1024 }]);
      await next.leave(label);
      expect(blobs.aside).toBe(left);
      await next.close();
    }
  });

  it("makes no file before its first byte, unless an empty blob is kept", async () => {
    const blobs = new FaultyBlobs();
    const empty = digestOf(Buffer.alloc(0));
    const { draft: refused } = draftOf(blobs, empty);
    await refused.leave(undefined);
    await refused.close();
    const { draft } = draftOf(blobs, empty);
    expect(await draft.isRight()).toBe(true);
    expect(blobs.drafts).toBe(0);
    await draft.commit();
    await draft.close();
    expect(await blobs.stat(empty)).toMatchObject({ size: 0 });
  });

  it("takes a file that has become shorter for a broken disk", async () => {
    const { draft } = draftOf(new FaultyBlobs());
    await draft.write(bytes, 0);
    await expect(draft.read(Buffer.alloc(1), 1_000)).rejects.toMatchObject({ code: "IO" });
    await draft.close();
  });

  it("passes its bytes on where the disk is left alone, and is not kept", async () => {
    const blobs = new FaultyBlobs();
    blobs.create = () => Promise.reject(new StoreError("PAUSED", "for a while"));
    const { draft } = draftOf(blobs);
    expect(draft.isPassing).toBe(false);
    await draft.write(bytes, 0);
    expect(draft.isPassing).toBe(true);
    expect(await draft.isRight()).toBe(true);
    const buffer = Buffer.alloc(10);
    expect(await draft.read(buffer, 990)).toBe(10);
    expect(buffer).toEqual(bytes.subarray(990));
    expect(await draft.commit()).toBe(false);
    await draft.close();
    expect(await blobs.stat(digestOf(bytes))).toBeUndefined();
  });

  it("passes its bytes on from the first when they are declared to be too many", async () => {
    const blobs = new FaultyBlobs();
    const { draft, told } = draftOf(blobs, digestOf(bytes), 999);
    draft.declare(999);
    expect(draft.isPassing).toBe(false);
    draft.declare(1_000);
    draft.declare(1_000);
    await draft.write(bytes, 0);
    expect([draft.isPassing, draft.hashed, blobs.drafts, told]).toEqual([true, 1_000, 0, [1_000]]);
    await draft.close();
  });

  it("keeps to its file when too large a size is declared while its first bytes are on their way", async () => {
    const blobs = new FaultyBlobs();
    const { draft } = draftOf(blobs, digestOf(bytes), 999);
    const appending = draft.write(bytes.subarray(0, 600), 0);
    draft.declare(1_000);
    await appending;
    expect([draft.isPassing, draft.hashed]).toEqual([false, 600]);
    await draft.close();
  });

  it("ends like a full disk when it grows too large without having said so", async () => {
    const blobs = new FaultyBlobs();
    const { draft, told } = draftOf(blobs, digestOf(bytes), 999);
    await draft.write(bytes.subarray(0, 600), 0);
    await expect(draft.write(bytes.subarray(600), 600)).rejects.toMatchObject({ code: "DISK" });
    expect([draft.hashed, told]).toEqual([600, [undefined]]);
    await draft.close();
    expect(blobs.drafts).toBe(0);
  });

  it("hashes what was written ahead once the gap before it has closed", async () => {
    const { draft } = draftOf(new FaultyBlobs());
    await draft.write(bytes.subarray(700), 700);
    await draft.write(bytes.subarray(0, 300), 0);
    await draft.settled();
    expect(draft.hashed).toBe(300);
    await draft.write(bytes.subarray(300, 700), 300);
    await draft.settled();
    expect([draft.hashed, await draft.isRight()]).toEqual([1_000, true]);
    await draft.close();
  });

  it.each([1, 2, 3, 4, 5])("has one hash, whoever writes where at once (seed %i)", async (seed) => {
    const chance = new Chance(seed);
    const much = content(100_000, `${seed}`);
    const { draft, failures } = draftOf(new FaultyBlobs(), digestOf(much));
    const fronts = [0, 30_000, 55_000, 80_000, 100_000];
    await Promise.all(
      fronts.slice(0, -1).map(async (from, index) => {
        const to = fronts[index + 1] ?? from;
        for (let at = from; at < to; ) {
          const end = Math.min(to, at + chance.between(1, 4_000));
          await draft.write(much.subarray(at, end), at);
          if (chance.oneIn(3)) await new Promise(setImmediate);
          at = end;
        }
      }),
    );
    await draft.settled();
    expect([draft.hashed, await draft.isRight(), failures]).toEqual([100_000, true, []]);
    await draft.close();
  });

  it("keeps a map with gaps for the next of its id", async () => {
    const much = content(2 * 1024 * 1024);
    const blobs = new FaultyBlobs();
    const { draft } = draftOf(blobs, digestOf(much));
    await draft.takeUp("id");
    await draft.write(much.subarray(0, 100), 0);
    await draft.write(much.subarray(1_000_000), 1_000_000);
    await draft.leave("id");
    await draft.close();
    const { draft: next } = draftOf(blobs, digestOf(much));
    await next.takeUp("id");
    expect(next.left).toEqual([
      { start: 0, end: 100 },
      { start: 1_000_000, end: much.length },
    ]);
    next.goOn();
    await next.write(much.subarray(100, 1_000_000), 100);
    await next.settled();
    expect(await next.isRight()).toBe(true);
    await next.close();
  });

  it("is nowhere else than before while the disk is at work", async () => {
    const blobs = new FaultyBlobs();
    const { draft } = draftOf(blobs);
    await draft.write(bytes.subarray(0, 600), 0);
    const appending = draft.write(bytes.subarray(600), 600);
    const { position, hash } = draft.end();
    expect(position).toBe(600);
    expect(await withRest(hash, 600)).toBe(digestOf(bytes));
    await appending;
    expect(draft.end().position).toBe(1_000);
    expect(draft.before(900).position).toBe(0);
    await draft.close();
  });
});
