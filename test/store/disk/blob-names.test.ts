import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import { BlobNames } from "../../../src/store/disk/blob-names.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { failingFileSystem } from "./fail-nth-call.ts";

const a = digestOf(Buffer.from("a"));
const b = digestOf(Buffer.from("b"), "sha512");

async function newNames() {
  const root = await temporaryFolder();
  const fs = failingFileSystem();
  const names = new BlobNames(fs, root);
  const put = async (digest: Digest, size: number) => {
    await mkdir(names.folderOf(digest), { recursive: true });
    await writeFile(names.pathOf(digest, size), "");
  };
  return { root, fs, names, put };
}

function fail(error: unknown): never {
  throw error;
}

describe("blob names", () => {
  it("stand under algorithm and first two digits, with the size behind", async () => {
    const { root, names } = await newNames();
    const hex = a.slice(7);
    expect(names.pathOf(a, 31)).toBe(join(root, "sha256", hex.slice(0, 2), `${hex}.31`));
  });

  it("are read once a folder, however many ask at once", async () => {
    const { fs, names, put } = await newNames();
    await put(a, 12);
    expect(names.knownSizeOf(a)).toBeUndefined();
    expect(await Promise.all([names.sizeOf(a), names.sizeOf(a)])).toEqual([12, 12]);
    expect(await names.sizeOf(a)).toBe(12);
    expect(names.knownSizeOf(a)).toBe(12);
    // Which folders there are, and this one.
    expect(fs.calls()).toBe(2);
  });

  it("are not looked for where there is no folder for them, until one is made", async () => {
    const { fs, names, put } = await newNames();
    const other = digestOf(Buffer.from("other"));
    await put(a, 12);
    await names.sizeOf(a);
    const before = fs.calls();
    expect(await names.sizeOf(digestOf(Buffer.from("nowhere")))).toBeUndefined();
    expect(fs.calls()).toBe(before);
    await names.makeFolderOf(other);
    await put(other, 5);
    expect(await names.sizeOf(other)).toBe(5);
  });

  it("are read again after a failure", async () => {
    const { fs, names, put } = await newNames();
    await put(a, 12);
    fs.failNext("readdir");
    await expect(names.sizeOf(a)).rejects.toMatchObject({ code: "IO" });
    expect(await names.sizeOf(a)).toBe(12);
  });

  it("are remembered and forgotten", async () => {
    const { names } = await newNames();
    expect(await names.sizeOf(a)).toBeUndefined();
    names.remember(a, 5);
    expect(await names.sizeOf(a)).toBe(5);
    names.forget(a);
    expect(await names.sizeOf(a)).toBeUndefined();
  });

  it("tell which folders changed when one is made", async () => {
    const { root, names } = await newNames();
    expect(await names.makeFolderOf(a)).toEqual([root, join(root, "sha256")]);
    expect(await names.makeFolderOf(a)).toEqual([]);
  });

  it("are walked as the disk has them, both algorithms, ours only", async () => {
    const { root, names, put } = await newNames();
    await put(a, 1);
    await put(b, 2);
    await mkdir(join(root, "sha256", "zz"), { recursive: true });
    await writeFile(join(root, "sha256", "notes"), "");
    await writeFile(`${names.pathOf(a, 1)}x`, "");
    await writeFile(names.pathOf(a, 1).replace(/\.1$/, ".01"), "");
    const found = [];
    for await (const shard of names.walk(fail)) found.push(...shard);
    expect(found).toEqual([
      { digest: a, size: 1, path: names.pathOf(a, 1) },
      { digest: b, size: 2, path: names.pathOf(b, 2) },
    ]);
  });
});
