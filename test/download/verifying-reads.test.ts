import { describe, expect, it } from "vitest";
import { VerifyingReads } from "../../src/download/verifying-reads.ts";
import { type Digest, digestOf } from "../../src/protocol/digest.ts";
import type { BlobReader } from "../../src/store/blob-store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { content, readAll } from "../cache/support/pulling.ts";
import { MemoryBlobStore } from "../support/memory-blob-store.ts";
import { noBooks } from "../support/no-books.ts";

const bytes = content(600_000);
const digest = digestOf(bytes);

/** Counts the readers it gives out and how many of them are open. */
class CountingBlobs extends MemoryBlobStore {
  opened = 0;
  readers = 0;
  isBroken = false;

  override async open(wanted: Digest): Promise<BlobReader | undefined> {
    if (this.isBroken) throw new StoreError("IO", "broken");
    const reader = await super.open(wanted);
    if (reader === undefined) return undefined;
    this.opened += 1;
    this.readers += 1;
    return {
      size: reader.size,
      place: reader.place,
      read: (buffer, position) => reader.read(buffer, position),
      close: async () => {
        this.readers -= 1;
        await reader.close();
      },
    };
  }
}

async function scene() {
  const blobs = new CountingBlobs();
  const draft = await blobs.create();
  await draft.write(bytes, draft.written);
  await draft.commit(digest);
  await draft.close();
  return {
    blobs,
    rechecks: new VerifyingReads({ blobs, books: noBooks, observe: () => undefined }),
  };
}

describe("rechecks", () => {
  it("are shared by all who read the blob meanwhile", async () => {
    const { blobs, rechecks } = await scene();
    const readers = await Promise.all(Array.from({ length: 10 }, () => rechecks.open(digest)));
    for (const reader of readers) {
      if (reader === undefined) throw new Error("not held");
      expect((await readAll(reader)).equals(bytes)).toBe(true);
      await reader.close();
    }
    expect(blobs.opened).toBe(1);
    await rechecks.close();
    expect(blobs.readers).toBe(0);
  });

  it("know of blobs that are not held", async () => {
    const { rechecks } = await scene();
    expect(await rechecks.open(digestOf(Buffer.from("other")))).toBeUndefined();
    await rechecks.close();
  });

  it("say when the disk is broken", async () => {
    const { blobs, rechecks } = await scene();
    blobs.isBroken = true;
    await expect(rechecks.open(digest)).rejects.toMatchObject({ code: "IO" });
    await rechecks.close();
  });

  it("end with their readers when they are closed", async () => {
    const { blobs, rechecks } = await scene();
    const reader = await rechecks.open(digest);
    await rechecks.close();
    expect(blobs.readers).toBe(0);
    const read = reader?.read(Buffer.alloc(1), 0, new AbortController().signal);
    await expect(read).rejects.toMatchObject({ code: "ABANDONED" });
  });
});
