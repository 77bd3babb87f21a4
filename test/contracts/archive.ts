/** What every archive promises; each adapter's test runs this suite on itself. */
import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { type Digest, digestOf } from "../../src/protocol/digest.ts";
import type { Archive, ArchivedBytes, ToArchive } from "../../src/store/archive.ts";

const never = new AbortController().signal;

export function archiveContract(name: string, make: () => Promise<Archive>) {
  const opened: Archive[] = [];
  const fresh = async (): Promise<Archive> => {
    const archive = await make();
    opened.push(archive);
    return archive;
  };
  afterEach(() => {
    for (const archive of opened.splice(0)) archive.close();
  });

  describe(`${name}, as any archive`, () => {
    it("has nothing at first", async () => {
      const archive = await fresh();
      const digest = digestOf(randomBytes(8));
      expect(await archive.stat(digest, never)).toBeUndefined();
      expect(await archive.open(digest, { start: 0 }, never)).toBeUndefined();
      await archive.delete(digest, never);
      expect(await listed(archive)).toEqual([]);
    });

    it.each([0, 1, 300_000, 70 * 1024 * 1024])("gives back a blob of %i bytes", async (size) => {
      const archive = await fresh();
      const bytes = randomBytes(size);
      const blob = toArchive(bytes);
      await archive.put(blob, never);
      expect(await archive.stat(blob.digest, never)).toEqual({ size, origin: undefined });
      const { size: told, bytes: got } = await read(
        await archive.open(blob.digest, { start: 0 }, never),
      );
      expect(told).toBe(size);
      expect(got.equals(bytes)).toBe(true);
    });

    it("keeps a blob under its sha512 digest", async () => {
      const archive = await fresh();
      const bytes = randomBytes(1_000);
      const blob = toArchive(bytes, digestOf(bytes, "sha512"));
      await archive.put(blob, never);
      expect(await listed(archive)).toEqual([blob.digest]);
    });

    it("has a link for who has no login, to all of it and to a part", async () => {
      const archive = await fresh();
      const bytes = randomBytes(200_000);
      const blob = toArchive(bytes);
      await archive.put(blob, never);
      const link = await archive.linkTo(blob.digest);
      const whole = await fetch(link);
      expect([whole.status, Buffer.from(await whole.arrayBuffer()).equals(bytes)]).toEqual([
        ...[200, true],
      ]);
      const part = await fetch(link, { headers: { range: "bytes=10-19" } });
      expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(10, 20));
    });

    it("opens at an offset, and a part", async () => {
      const archive = await fresh();
      const bytes = randomBytes(200_000);
      const blob = toArchive(bytes);
      await archive.put(blob, never);
      const rest = await read(await archive.open(blob.digest, { start: 150_000 }, never));
      expect(rest).toEqual({ size: 200_000, bytes: bytes.subarray(150_000) });
      const part = await read(await archive.open(blob.digest, { start: 10, end: 20 }, never));
      expect(part).toEqual({ size: 200_000, bytes: bytes.subarray(10, 20) });
    });

    it("says where a blob came from, if it was told", async () => {
      const archive = await fresh();
      const blob = { ...toArchive(randomBytes(10)), origin: "https docker.io library/alpine" };
      await archive.put(blob, never);
      expect(await archive.stat(blob.digest, never)).toEqual({ size: 10, origin: blob.origin });
    });

    it("is put twice without harm", async () => {
      const archive = await fresh();
      const blob = toArchive(randomBytes(10));
      await archive.put(blob, never);
      await archive.put(blob, never);
      expect(await listed(archive)).toEqual([blob.digest]);
    });

    it("deletes what is named and nothing else", async () => {
      const archive = await fresh();
      const [one, other] = [toArchive(randomBytes(10)), toArchive(randomBytes(10))];
      await archive.put(one, never);
      await archive.put(other, never);
      await archive.delete(one.digest, never);
      await archive.delete(one.digest, never);
      expect(await listed(archive)).toEqual([other.digest]);
    });

    it("lists more than a page has", async () => {
      const archive = await fresh();
      const blobs = Array.from({ length: 7 }, () => toArchive(randomBytes(10)));
      for (const blob of blobs) await archive.put(blob, never);
      expect(await listed(archive)).toEqual(blobs.map(({ digest }) => digest).sort());
    });

    it("leaves nothing of a put whose bytes cannot be read", async () => {
      const archive = await fresh();
      const bytes = randomBytes(70 * 1024 * 1024);
      const whole = toArchive(bytes);
      const broken: ToArchive = {
        ...whole,
        read: async (buffer, position) => {
          if (position > 50_000_000) throw new Error("the disk broke");
          return whole.read(buffer, position);
        },
      };
      await expect(archive.put(broken, never)).rejects.toMatchObject({ code: "ARCHIVE" });
      expect(await archive.stat(whole.digest, never)).toBeUndefined();
      expect(await archive.dropUnfinished(Number.MAX_SAFE_INTEGER, never)).toBe(0);
    });

    it("stops when it is told to", async () => {
      const archive = await fresh();
      const stopped = AbortSignal.abort();
      const blob = toArchive(randomBytes(10));
      await expect(archive.put(blob, stopped)).rejects.toMatchObject({ code: "ARCHIVE" });
      await expect(archive.stat(blob.digest, stopped)).rejects.toMatchObject({ code: "ARCHIVE" });
    });
  });
}

export function toArchive(bytes: Buffer, digest: Digest = digestOf(bytes)): ToArchive {
  return {
    digest,
    size: bytes.length,
    read: async (buffer, position) => bytes.copy(buffer, 0, position),
  };
}

export async function read(opened: ArchivedBytes | undefined) {
  if (opened === undefined) throw new Error("it is not there");
  const chunks: Uint8Array[] = [];
  for await (const chunk of opened.body) chunks.push(chunk);
  return { size: opened.size, bytes: Buffer.concat(chunks) };
}

async function listed(archive: Archive): Promise<Digest[]> {
  const digests: Digest[] = [];
  for await (const { digest } of archive.list(never)) digests.push(digest);
  return digests.sort();
}
