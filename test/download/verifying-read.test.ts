import { readdir, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { CacheEvent } from "../../src/cache/cache-event.ts";
import { VerifyingRead } from "../../src/download/verifying-read.ts";
import type { Digest } from "../../src/protocol/digest.ts";
import { digestHex, digestOf } from "../../src/protocol/digest.ts";
import type { BlobReader } from "../../src/store/blob-store.ts";
import { openDataFolder } from "../../src/store/disk/data-folder.ts";
import { DiskBlobStore } from "../../src/store/disk/disk-blob-store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { content, readAll } from "../cache/support/pulling.ts";
import { MemoryBlobStore } from "../support/memory-blob-store.ts";
import { noBooks } from "../support/no-books.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const bytes = content(600_000);

/** Blobs whose bytes are not looked at when they are put in. */
class DoubtfulBlobs extends MemoryBlobStore {
  readonly verified: Digest[] = [];
  failure: StoreError | undefined;

  async put(digest: Digest, kept: Uint8Array): Promise<void> {
    const draft = await this.create();
    await draft.write(kept, draft.written);
    await draft.commit(digest);
    await draft.close();
  }

  override markVerified(digest?: Digest): void {
    if (digest !== undefined) this.verified.push(digest);
  }

  override async open(digest: Digest): Promise<BlobReader | undefined> {
    const reader = await super.open(digest);
    if (reader === undefined || this.failure === undefined) return reader;
    const { failure } = this;
    return {
      size: reader.size,
      place: reader.place,
      read: async (buffer, position) => {
        if (position >= 300_000) throw failure;
        return await reader.read(buffer, position);
      },
      close: () => reader.close(),
    };
  }
}

async function scene(kept: Uint8Array | undefined) {
  const blobs = new DoubtfulBlobs();
  const digest = digestOf(bytes);
  if (kept !== undefined) await blobs.put(digest, kept);
  const events: CacheEvent[] = [];
  const verifying = new VerifyingRead(digest, {
    blobs,
    books: noBooks,
    observe: (event) => void events.push(event),
  });
  const reader = verifying.readers.add({
    blob: verifying,
    check: () => undefined,
    goOn: undefined,
  });
  return { blobs, digest, events, verifying, reader };
}

describe("a recheck", () => {
  it("serves right bytes and marks them verified", async () => {
    const { blobs, digest, events, verifying, reader } = await scene(bytes);
    const body = readAll(reader);
    await verifying.run();
    expect((await body).equals(bytes)).toBe(true);
    expect(blobs.verified).toEqual([digest]);
    expect(events).toEqual([]);
  });

  for (const at of [0, 300_000, 599_999]) {
    it(`cuts its readers before a complete body when byte ${at} is wrong, and drops the blob`, async () => {
      const wrong = Buffer.from(bytes);
      wrong[at] = (wrong[at] ?? 0) ^ 1;
      const { blobs, digest, events, verifying, reader } = await scene(wrong);
      const body = expect(readAll(reader)).rejects.toMatchObject({ code: "WRONG_DIGEST" });
      await verifying.run();
      await body;
      expect(await blobs.stat(digest)).toBeUndefined();
      expect(blobs.verified).toEqual([]);
      expect(events).toEqual([{ kind: "blobCorrupted", digest, foundBy: "recheck" }]);
    });
  }

  it("drops the blob before a reader hears of it", async () => {
    const { blobs, digest, verifying, reader } = await scene(content(600_000, "other"));
    const seen = readAll(reader).catch(() => blobs.stat(digest));
    await verifying.run();
    expect(await seen).toBeUndefined();
  });

  it("does not drop the right bytes that were kept while it hashed wrong ones", async () => {
    const { blobs, digest, events, verifying, reader } = await scene(content(600_000, "other"));
    const body = expect(readAll(reader)).rejects.toMatchObject({ code: "WRONG_DIGEST" });
    const running = verifying.run();
    await verifying.isHeld;
    await blobs.put(digest, bytes);
    await running;
    await body;
    expect(await blobs.stat(digest)).toBeDefined();
    expect(events).toEqual([]);
  });

  it("tells of wrong bytes that the disk does not let go of, so that nobody is sent there", async () => {
    const { blobs, digest, events, verifying } = await scene(content(600_000, "other"));
    const failure = new StoreError("IO", "read-only");
    blobs.condemn = () => Promise.reject(failure);
    await verifying.run();
    expect(events).toEqual([
      { kind: "diskFailed", error: failure },
      { kind: "blobCorrupted", digest, foundBy: "recheck" },
    ]);
  });

  it("does not drop a blob it cannot read", async () => {
    const { blobs, digest, events, verifying, reader } = await scene(bytes);
    blobs.failure = new StoreError("IO", "broken");
    const body = expect(readAll(reader)).rejects.toMatchObject({ code: "IO" });
    await verifying.run();
    await body;
    expect(await blobs.stat(digest)).toBeDefined();
    expect(events).toEqual([{ kind: "diskFailed", error: blobs.failure }]);
  });

  it("says that there is no such blob", async () => {
    const { verifying } = await scene(undefined);
    await verifying.run();
    expect(await verifying.isHeld).toBe(false);
  });

  it("drops nothing when it is stopped", async () => {
    const { blobs, digest, events, verifying } = await scene(bytes);
    verifying.stop();
    await verifying.run();
    expect(verifying.progress.ended).toMatchObject({ code: "ABANDONED" });
    expect(await blobs.stat(digest)).toBeDefined();
    expect(events).toEqual([]);
  });

  it("finds a flipped byte in a file", async () => {
    const folder = await openDataFolder(await temporaryFolder());
    const blobs = await DiskBlobStore.open(folder);
    const digest = digestOf(bytes);
    const draft = await blobs.create();
    await draft.write(bytes, draft.written);
    await draft.commit(digest);
    await draft.close();
    const kept = `${folder.path}/blobs/sha256/${digestHex(digest).slice(0, 2)}`;
    const [name] = await readdir(kept);
    const flipped = Buffer.from(bytes);
    flipped[77] = (flipped[77] ?? 0) ^ 1;
    await writeFile(`${kept}/${name}`, flipped);
    const verifying = new VerifyingRead(digest, {
      blobs,
      books: noBooks,
      observe: () => undefined,
    });
    await verifying.run();
    expect(verifying.progress.ended).toMatchObject({ code: "WRONG_DIGEST" });
    expect(await blobs.stat(digest)).toBeUndefined();
    verifying.readers.endJoining();
    await verifying.readers.closed;
    await folder.close();
  });
});
