import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nodeFileSystem, type OpenFile } from "../../../src/store/disk/file-system.ts";
import { HeldFile } from "../../../src/store/disk/held-file.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

async function openFile() {
  const path = join(await temporaryFolder(), "file");
  return { path, file: await nodeFileSystem.open(path, "wx+") };
}

/** Takes at most three bytes a call, as a file system may. */
function sipping(file: OpenFile): OpenFile {
  return {
    read: file.read.bind(file),
    write: (buffer, offset, length, position) =>
      file.write(buffer, offset, Math.min(3, length), position),
    stat: file.stat.bind(file),
    truncate: file.truncate.bind(file),
    sync: file.sync.bind(file),
    close: file.close.bind(file),
  };
}

describe("a held file", () => {
  it("writes all of a chunk, however little the system takes at once", async () => {
    const { path, file } = await openFile();
    const held = new HeldFile(sipping(file), path);
    await held.write(Buffer.from("0123456789"), 0);
    await held.close();
    expect(await readFile(path, "utf8")).toBe("0123456789");
  });

  it("closes only when the reads under way have ended, and takes no more", async () => {
    const { path, file } = await openFile();
    const gate = Promise.withResolvers<void>();
    const steps: string[] = [];
    const slow: OpenFile = {
      ...sipping(file),
      read: async () => {
        await gate.promise;
        steps.push("read");
        return { bytesRead: 1 };
      },
      close: async () => {
        steps.push("closed");
        await file.close();
      },
    };
    const held = new HeldFile(slow, path);
    const reading = held.read(Buffer.alloc(1), 0);
    const closing = Promise.all([held.close(), held.close()]);
    await expect(held.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: "IO" });
    await expect(held.write(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: "IO" });
    expect(steps).toEqual([]);
    gate.resolve();
    expect(await reading).toBe(1);
    await closing;
    expect(steps).toEqual(["read", "closed"]);
  });

  it("settles at a length: cuts what is beyond, refuses what is short", async () => {
    const { path, file } = await openFile();
    const held = new HeldFile(file, path);
    await held.write(Buffer.from("0123456789"), 0);
    await held.settle(4);
    await expect(held.settle(5)).rejects.toMatchObject({ code: "IO" });
    await held.sync();
    await held.close();
    expect(await readFile(path, "utf8")).toBe("0123");
  });
});
