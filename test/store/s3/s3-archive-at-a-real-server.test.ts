import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { archiveContract, read, toArchive } from "../../contracts/archive.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { hasVersity, Versity } from "../../support/versity.ts";
import { openedArchive, testLogin } from "./opened-archive.ts";

const never = new AbortController().signal;
const large = 150 * 1024 * 1024;

describe.skipIf(!hasVersity)("where versitygw was built", () => {
  let server: Versity;
  let folder: string;
  const closing: (() => Promise<void>)[] = [];
  let count = 0;

  const fresh = async () => {
    count += 1;
    const { archive, close } = await openedArchive({
      ...{ endpoint: server.url, prefix: `place-${count}` },
      ...{ bodyTimeoutMs: 1_000, limits: { briefHeaders: 1_000, uploadIdle: 1_000 } },
    });
    closing.push(close);
    return archive;
  };

  beforeAll(async () => {
    folder = await temporaryFolder();
    server = await Versity.start(folder, testLogin);
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  afterAll(() => server?.kill());

  archiveContract("a real S3 server", fresh);

  describe("an archive at a real server", () => {
    it("goes on with the same archive once a server that was killed is back", async () => {
      const archive = await fresh();
      const blob = toArchive(randomBytes(100_000));
      await archive.put(blob, never);
      await server.kill();
      await expect(archive.stat(blob.digest, never)).rejects.toMatchObject({ code: "ARCHIVE" });
      await expect(archive.put(blob, never)).rejects.toMatchObject({ code: "ARCHIVE" });
      await server.run();
      expect((await read(await archive.open(blob.digest, { start: 0 }, never))).size).toBe(100_000);
    });

    it("gives up a server that stands still, and goes on once it does", async () => {
      const archive = await fresh();
      const blob = toArchive(randomBytes(100_000));
      await archive.put(blob, never);
      await server.pause();
      await expect(archive.stat(blob.digest, never)).rejects.toMatchObject({ code: "ARCHIVE" });
      server.goOn();
      expect(await archive.stat(blob.digest, never)).toMatchObject({ size: 100_000 });
    });

    it("leaves nothing half there when the server is killed in the middle of a put", async () => {
      const archive = await fresh();
      const blob = toArchive(randomBytes(large));
      const killing = { done: undefined as Promise<void> | undefined };
      const putting = archive.put(
        {
          ...blob,
          read: async (buffer, position) => {
            if (position > 80_000_000) killing.done ??= server.kill();
            return blob.read(buffer, position);
          },
        },
        never,
      );
      await expect(putting).rejects.toMatchObject({ code: "ARCHIVE" });
      await killing.done;
      await server.run();
      expect(await archive.stat(blob.digest, never)).toBeUndefined();
      expect(await archive.dropUnfinished(Number.MAX_SAFE_INTEGER, never)).toBe(1);
      expect(await archive.dropUnfinished(Number.MAX_SAFE_INTEGER, never)).toBe(0);
    });

    it("writes nothing outside its place in the bucket", async () => {
      const archive = await fresh();
      await archive.put(toArchive(randomBytes(100)), never);
      const names = await readdir(`${folder}/images`);
      expect(names.filter((name) => !/^(?:place-\d+|\.sgwtmp)$/.test(name))).toEqual([]);
    });
  });
});
