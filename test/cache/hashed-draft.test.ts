import { describe, expect, it } from "vitest";
import { HashedDraft } from "../../src/cache/hashed-draft.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import { FaultyBlobs } from "./support/faulty-blobs.ts";
import { content } from "./support/pulling.ts";

const bytes = content(1_000);

describe("a hashed draft", () => {
  for (const algorithm of ["sha256", "sha512"] as const) {
    it(`is kept when what was written is what the ${algorithm} digest says`, async () => {
      const blobs = new FaultyBlobs();
      const digest = digestOf(bytes, algorithm);
      const draft = new HashedDraft(digest, blobs);
      await draft.append(bytes.subarray(0, 600));
      expect(draft.isRight()).toBe(false);
      await draft.append(bytes.subarray(600));
      expect(draft.isRight()).toBe(true);
      await draft.commit();
      await draft.discard();
      const buffer = Buffer.alloc(10);
      expect(await draft.read(buffer, 990)).toBe(10);
      expect(buffer).toEqual(bytes.subarray(990));
      await draft.close();
      expect(await blobs.stat(digest)).toMatchObject({ size: 1_000 });
    });
  }

  it("has the hash of what can be read after a write that failed halfway", async () => {
    const draft = new HashedDraft(digestOf(bytes), new FaultyBlobs({ fullAt: 700 }));
    await draft.append(bytes.subarray(0, 500));
    await expect(draft.append(bytes.subarray(500))).rejects.toMatchObject({ code: "FULL" });
    expect(draft.written).toBe(500);
    const hash = draft.hash().update(bytes.subarray(500)).digest("hex");
    expect(`sha256:${hash}`).toBe(digestOf(bytes));
    await draft.close();
  });

  it("makes no file before its first byte, unless an empty blob is kept", async () => {
    const blobs = new FaultyBlobs();
    const empty = digestOf(Buffer.alloc(0));
    const refused = new HashedDraft(empty, blobs);
    await refused.discard();
    await refused.close();
    const draft = new HashedDraft(empty, blobs);
    expect(draft.isRight()).toBe(true);
    expect(blobs.drafts).toBe(0);
    await draft.commit();
    await draft.close();
    expect(await blobs.stat(empty)).toMatchObject({ size: 0 });
  });

  it("takes a file that has become shorter for a broken disk", async () => {
    const draft = new HashedDraft(digestOf(bytes), new FaultyBlobs());
    await draft.append(bytes);
    await expect(draft.read(Buffer.alloc(1), 1_000)).rejects.toMatchObject({ code: "IO" });
    await draft.close();
  });
});
