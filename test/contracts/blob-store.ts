/** What every blob store promises; each adapter's test runs this suite on itself. */
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Digest, digestOf } from "../../src/protocol/digest.ts";
import type { BlobSpace } from "../../src/store/blob-space.ts";
import type { BlobReader, BlobStore } from "../../src/store/blob-store.ts";
import type { BlobVerification } from "../../src/store/blob-verification.ts";
import type { BlobDraft, DraftStore } from "../../src/store/draft-store.ts";
import { Holds } from "../../src/store/holds.ts";

export type AnyBlobStore = BlobStore & DraftStore & BlobVerification & BlobSpace;

export function blobStoreContract(name: string, make: (holds: Holds) => Promise<AnyBlobStore>) {
  const fresh = async () => {
    const holds = new Holds();
    return { holds, store: await make(holds) };
  };

  describe(`${name}, as any blob store`, () => {
    it("has nothing at first", async () => {
      const { store } = await fresh();
      const digest = digestOf(randomBytes(8));
      expect(await store.stat(digest)).toBeUndefined();
      expect(await store.open(digest)).toBeUndefined();
      expect(await store.delete(digest)).toBe(false);
      expect(await store.condemn(digest, "1:1")).toBe(false);
      expect(await listed(store)).toEqual([]);
    });

    it.each(["sha256", "sha512"] as const)(
      "keeps a blob under its %s digest",
      async (algorithm) => {
        const { store } = await fresh();
        const bytes = randomBytes(100_000);
        const digest = digestOf(bytes, algorithm);
        await keep(store, bytes, digest);
        expect(await store.stat(digest)).toEqual({ size: bytes.length, isVerified: true });
        expect(await readBlob(store, digest)).toEqual(bytes);
        expect(await listed(store)).toEqual([digest]);
      },
    );

    it("keeps the empty blob", async () => {
      const { store } = await fresh();
      const digest = await keep(store, Buffer.alloc(0));
      expect(await store.stat(digest)).toEqual({ size: 0, isVerified: true });
      expect(await readBlob(store, digest)).toHaveLength(0);
    });

    it("keeps a pushed blob once it is durable", async () => {
      const { store } = await fresh();
      const bytes = randomBytes(1_000);
      const digest = digestOf(bytes);
      const draft = await store.create();
      await draft.write(bytes, draft.written);
      await draft.commit(digest, { isDurable: true });
      await draft.close();
      expect(await readBlob(store, digest)).toEqual(bytes);
    });

    it("shows what is written so far to a reader of the draft, and no name of it", async () => {
      const { store } = await fresh();
      const draft = await store.create();
      await draft.write(Buffer.from("hello "), draft.written);
      await draft.write(Buffer.from("world"), draft.written);
      expect(draft.written).toBe(11);
      expect(await readDraft(draft, 6)).toBe("world");
      expect(await readDraft(draft, 11)).toBe("");
      expect(await readDraft(draft, 99)).toBe("");
      expect(await listed(store)).toEqual([]);
      await draft.close();
      expect(await listed(store)).toEqual([]);
    });

    it("goes on reading a draft after its commit, until it is closed", async () => {
      const { store } = await fresh();
      const draft = await store.create();
      await draft.write(Buffer.from("kept"), draft.written);
      await draft.commit(digestOf(Buffer.from("kept")));
      expect(await readDraft(draft, 0)).toBe("kept");
      await draft.close();
      await draft.close();
      await expect(draft.read(Buffer.alloc(4), 0)).rejects.toMatchObject({ code: "IO" });
    });

    it("goes on reading a draft after it was discarded, until it is closed", async () => {
      const { store } = await fresh();
      const draft = await store.create();
      await draft.write(Buffer.from("gone"), draft.written);
      await draft.discard();
      expect(await readDraft(draft, 0)).toBe("gone");
      await draft.close();
    });

    it("does nothing on commit after discard, nor on discard after commit", async () => {
      const { store } = await fresh();
      const discarded = await store.create();
      await discarded.write(Buffer.from("a"), discarded.written);
      await discarded.discard();
      await discarded.commit(digestOf(Buffer.from("a")));
      await discarded.close();
      expect(await listed(store)).toEqual([]);
      const committed = await store.create();
      await committed.write(Buffer.from("b"), committed.written);
      await committed.commit(digestOf(Buffer.from("b")));
      await committed.discard();
      await committed.close();
      expect(await readBlob(store, digestOf(Buffer.from("b")))).toEqual(Buffer.from("b"));
    });

    it("takes no more bytes once the draft has ended", async () => {
      const { store } = await fresh();
      const draft = await store.create();
      await draft.discard();
      await expect(draft.write(Buffer.from("x"), draft.written)).rejects.toMatchObject({
        code: "IO",
      });
      await draft.close();
    });

    it("is written at any position, and shows each piece as soon as all of it is there", async () => {
      const { store } = await fresh();
      const draft = await store.create();
      await draft.write(Buffer.from("world"), 6);
      expect([draft.written, draft.endOf(0), draft.endOf(6), draft.endOf(9)]).toEqual([
        0, 0, 11, 11,
      ]);
      expect([await readDraft(draft, 0), await readDraft(draft, 7)]).toEqual(["", "orld"]);
      await draft.write(Buffer.from("hel"), 0);
      expect([draft.written, await readDraft(draft, 0)]).toEqual([3, "hel"]);
      await draft.write(Buffer.from("lo "), 3);
      const whole = Buffer.from("hello world");
      expect([draft.written, await readDraft(draft, 0)]).toEqual([11, "hello world"]);
      await draft.commit(digestOf(whole));
      await draft.close();
      expect(await readBlob(store, digestOf(whole))).toEqual(whole);
    });

    it("keeps nothing of a draft that has a gap", async () => {
      const { store } = await fresh();
      const draft = await store.create();
      await draft.write(Buffer.from("he"), 0);
      await draft.write(Buffer.from("lo"), 3);
      const committed = draft.commit(digestOf(Buffer.from("hello")));
      await expect(committed).rejects.toMatchObject({ code: "IO" });
      await draft.close();
      expect(await listed(store)).toEqual([]);
    });

    it("sets aside what a draft has, gaps and all", async () => {
      const { store } = await fresh();
      const draft = await store.create();
      await draft.write(Buffer.from("he"), 0);
      await draft.write(Buffer.from("lo"), 3);
      await draft.setAside("with a gap");
      await draft.close();
      expect(store.aside).toBe(4);
      const next = await store.takeUp("with a gap");
      expect([next?.written, next?.endOf(3), store.aside]).toEqual([2, 5, 0]);
      await next?.write(Buffer.from("l"), 2);
      await next?.commit(digestOf(Buffer.from("hello")));
      expect(await readBlob(store, digestOf(Buffer.from("hello")))).toEqual(Buffer.from("hello"));
      await next?.close();
    });

    it("goes on with a draft that was set aside, once, and shows its bytes to who reads it still", async () => {
      const { store } = await fresh();
      const first = await store.create();
      await first.write(Buffer.from("hello "), first.written);
      await first.setAside("greeting");
      expect([store.aside, await listed(store)]).toEqual([6, []]);
      await expect(first.write(Buffer.from("x"), first.written)).rejects.toMatchObject({
        code: "IO",
      });
      expect(await store.takeUp("nothing")).toBeUndefined();
      const next = await store.takeUp("greeting");
      expect(await store.takeUp("greeting")).toBeUndefined();
      expect([next?.written, store.aside]).toEqual([6, 0]);
      await next?.write(Buffer.from("world"), next.written);
      expect(await readDraft(first, 0)).toBe("hello ");
      await first.close();
      const whole = Buffer.from("hello world");
      await next?.commit(digestOf(whole));
      await next?.close();
      expect(await readBlob(store, digestOf(whole))).toEqual(whole);
    });

    it("sets the last draft of a label aside, and forgets all of them when told to", async () => {
      const { store } = await fresh();
      for (const text of ["a", "bb", "ccc"]) {
        const draft = await store.create();
        await draft.write(Buffer.from(text), draft.written);
        await draft.setAside("same");
        await draft.commit(digestOf(Buffer.from(text)));
        await draft.close();
      }
      expect([store.aside, await listed(store)]).toEqual([3, []]);
      const draft = await store.takeUp("same");
      await draft?.setAside("another");
      await draft?.close();
      expect(store.aside).toBe(3);
      await store.clearAside();
      expect([store.aside, await store.takeUp("another")]).toEqual([0, undefined]);
    });

    it("reads at any offset, short at the end, nothing beyond it", async () => {
      const { store } = await fresh();
      const reader = await opened(store, await keep(store, Buffer.from("0123456789")));
      const buffer = Buffer.alloc(4);
      expect(await reader.read(buffer, 3)).toBe(4);
      expect(buffer.toString()).toBe("3456");
      expect(await reader.read(buffer, 8)).toBe(2);
      expect(await reader.read(buffer, 10)).toBe(0);
      expect(await reader.read(buffer, 1_000)).toBe(0);
      await reader.close();
    });

    it("keeps a reader going when the blob is deleted under it", async () => {
      const { store } = await fresh();
      const bytes = randomBytes(10_000);
      const digest = await keep(store, bytes);
      const reader = await opened(store, digest);
      expect(await store.delete(digest)).toBe(true);
      expect(await store.open(digest)).toBeUndefined();
      expect(await readAll(reader)).toEqual(bytes);
    });

    it("closes a reader while it reads, twice", async () => {
      const { store } = await fresh();
      const reader = await opened(store, await keep(store, randomBytes(100_000)));
      const reading = reader.read(Buffer.alloc(100_000), 0);
      await Promise.all([reader.close(), reader.close()]);
      expect(await reading).toBe(100_000);
      await expect(reader.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: "IO" });
    });

    it("keeps one blob when two drafts of the same bytes are committed at once", async () => {
      const { store } = await fresh();
      const bytes = randomBytes(5_000);
      await Promise.all([keep(store, bytes), keep(store, bytes), keep(store, bytes)]);
      expect(await listed(store)).toHaveLength(1);
      expect(await readBlob(store, digestOf(bytes))).toEqual(bytes);
    });

    it("ends with either all of a blob or none when it is committed and deleted at once", async () => {
      const { store } = await fresh();
      const bytes = randomBytes(5_000);
      for (let round = 0; round < 20; round += 1) {
        await Promise.all([keep(store, bytes), store.delete(digestOf(bytes))]);
        const isThere = (await store.stat(digestOf(bytes))) !== undefined;
        const reader = await store.open(digestOf(bytes));
        expect(reader !== undefined).toBe(isThere);
        if (reader !== undefined) expect(await readAll(reader)).toEqual(bytes);
      }
    });

    it("does not delete what is held, until as many releases have come", async () => {
      const { store, holds } = await fresh();
      const digest = await keep(store, Buffer.from("pushed"));
      holds.hold(digest);
      holds.hold(digest);
      expect(await store.delete(digest)).toBe(false);
      holds.release(digest);
      expect(await store.delete(digest)).toBe(false);
      holds.release(digest);
      expect(await store.delete(digest)).toBe(true);
    });

    it("lets whoever holds first and looks second rely on what it sees", async () => {
      const { store, holds } = await fresh();
      const digest = await keep(store, Buffer.from("wanted"));
      const deleting = store.delete(digest);
      holds.hold(digest);
      const seen = await store.stat(digest);
      const isDeleted = await deleting;
      expect(seen === undefined).toBe(isDeleted);
    });

    it("takes wrong bytes out of service, held or not", async () => {
      const { store, holds } = await fresh();
      const digest = await keep(store, Buffer.from("rotten"));
      holds.hold(digest);
      const reader = await opened(store, digest);
      expect(await store.condemn(digest, reader.place.identity)).toBe(true);
      expect(await store.condemn(digest, reader.place.identity)).toBe(false);
      expect(await store.stat(digest)).toBeUndefined();
      await reader.close();
      await keep(store, Buffer.from("rotten"));
      expect(await store.stat(digest)).toMatchObject({ size: 6 });
    });

    it("leaves bytes alone that were kept after the wrong ones were read", async () => {
      const { store } = await fresh();
      const digest = await keep(store, Buffer.from("rotten"));
      const old = await opened(store, digest);
      await keep(store, Buffer.from("rotten"));
      const young = await opened(store, digest);
      expect(old.place.identity).not.toBe(young.place.identity);
      expect(await store.condemn(digest, old.place.identity)).toBe(false);
      expect(await readAll(young)).toEqual(Buffer.from("rotten"));
      await old.close();
    });

    it("walks on while blobs come and go", async () => {
      const { store } = await fresh();
      const digests: Digest[] = [];
      for (let count = 0; count < 20; count += 1) digests.push(await keep(store, randomBytes(10)));
      const walk = store.list()[Symbol.asyncIterator]();
      const first = await walk.next();
      await Promise.all(digests.slice(10).map((digest) => store.delete(digest)));
      await keep(store, randomBytes(10));
      const rest: Digest[] = [];
      for await (const kept of { [Symbol.asyncIterator]: () => walk }) rest.push(kept.digest);
      const seen = [first.value?.digest, ...rest];
      for (const digest of digests.slice(0, 10)) expect(seen).toContain(digest);
    });

    it("says when a blob was used, in milliseconds", async () => {
      const { store } = await fresh();
      await keep(store, Buffer.from("now"));
      for await (const kept of store.list()) {
        expect(Math.abs(kept.usedAt - Date.now())).toBeLessThan(60_000);
        expect(kept.size).toBe(3);
      }
    });

    it("keeps its word about the verified after markVerified", async () => {
      const { store } = await fresh();
      const digest = await keep(store, Buffer.from("right"));
      store.markVerified(digest);
      store.markVerified(digestOf(Buffer.from("never seen")));
      expect(await store.stat(digest)).toMatchObject({ isVerified: true });
    });

    it("tells its room, or that there is no limit", async () => {
      const { store } = await fresh();
      const space = await store.space();
      if (space !== undefined) expect(space.free).toBeLessThanOrEqual(space.total);
    });
  });
}

/** Writes the bytes in two pieces and commits them. */
export async function keep(
  store: DraftStore,
  bytes: Uint8Array,
  digest: Digest = digestOf(bytes),
): Promise<Digest> {
  const draft = await store.create();
  try {
    await draft.write(bytes.subarray(0, 7), draft.written);
    await draft.write(bytes.subarray(7), draft.written);
    await draft.commit(digest);
    return digest;
  } finally {
    await draft.close();
  }
}

export async function opened(store: BlobStore, digest: Digest): Promise<BlobReader> {
  const reader = await store.open(digest);
  if (reader === undefined) throw new Error(`${digest} is not kept`);
  return reader;
}

export async function readBlob(store: BlobStore, digest: Digest): Promise<Buffer> {
  return readAll(await opened(store, digest));
}

export async function readAll(reader: BlobReader): Promise<Buffer> {
  const buffer = Buffer.alloc(reader.size + 1);
  let position = 0;
  try {
    for (;;) {
      const count = await reader.read(buffer.subarray(position), position);
      if (count === 0) return buffer.subarray(0, position);
      position += count;
    }
  } finally {
    await reader.close();
  }
}

async function readDraft(draft: BlobDraft, position: number): Promise<string> {
  const buffer = Buffer.alloc(100);
  return buffer.toString("utf8", 0, await draft.read(buffer, position));
}

export async function listed(store: BlobStore): Promise<Digest[]> {
  const digests: Digest[] = [];
  for await (const kept of store.list()) digests.push(kept.digest);
  return digests;
}
