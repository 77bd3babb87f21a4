import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, lstatSync, openSync } from "node:fs";
import {
  mkdir,
  readFile,
  stat,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { digestHex, digestOf } from "../../../src/protocol/digest.ts";
import type { BlobStore } from "../../../src/store/blob-store.ts";
import { Holds } from "../../../src/store/holds.ts";
import type { StoreEvent } from "../../../src/store/store-event.ts";
import {
  blobStoreContract,
  keep,
  listed,
  opened,
  readAll,
  readBlob,
} from "../../contracts/blob-store.ts";
import { eventually } from "../../support/eventually.ts";
import { failingFileSystem } from "./fail-nth-call.ts";
import { filesIn, type OpenedStore, openStore } from "./opened-store.ts";

blobStoreContract("disk", async (holds) => (await openStore({ holds })).store);

const bytes = randomBytes(50_000);
const digest = digestOf(bytes);

function fileOf(path: string): string {
  const hex = digestHex(digest);
  return join(path, "blobs", "sha256", hex.slice(0, 2), `${hex}.${bytes.length}`);
}

function watching() {
  const events: StoreEvent[] = [];
  return { events, observe: (event: StoreEvent) => events.push(event) };
}

describe("a disk blob store", () => {
  it("keeps a blob in a file of its bytes, named by digest and size", async () => {
    const { path, store } = await openStore();
    await keep(store, bytes);
    expect(await readFile(fileOf(path))).toEqual(bytes);
    expect((await stat(fileOf(path))).mode & 0o777).toBe(0o600);
    expect(await filesIn(join(path, "partial"))).toEqual([]);
  });

  it.each([
    ["a clean stop", "stop", "another start of the machine", true],
    ["a crash of its process", "crash", "the same start of the machine", true],
    ["a crash of the machine", "crash", "another start of the machine", false],
  ] as const)("has what was set aside after %s, gaps and all", async (_, end, boot, isThere) => {
    const first = await openStore({}, undefined, "the same start of the machine");
    const draft = await first.store.create();
    await draft.write(bytes.subarray(0, 30_000), 0);
    await draft.write(bytes.subarray(40_000), 40_000);
    await draft.setAside("label");
    await draft.close();
    await first[end]();
    const { store, path, stop } = await openStore({}, first.path, boot);
    expect(store.aside).toBe(isThere ? bytes.length - 10_000 : 0);
    const next = await store.takeUp("label");
    await next?.write(bytes.subarray(30_000, 40_000), 30_000);
    await next?.commit(digest);
    await next?.close();
    expect((await store.stat(digest)) !== undefined).toBe(isThere);
    expect(await filesIn(join(path, "partial"))).toEqual([]);
    await stop();
  });

  it.each([
    ["its process", "the same start of the machine", true],
    ["the machine", "another start of the machine", false],
  ] as const)("has what was being written when %s crashed: %s", async (_, boot, isThere) => {
    const first = await openStore({}, undefined, "the same start of the machine");
    const large = randomBytes(9 * 1024 * 1024);
    const draft = await first.store.create("label");
    const ahead = 8 * 1024 * 1024;
    await draft.write(large.subarray(ahead), ahead);
    await draft.write(large.subarray(0, 4 * 1024 * 1024), 0);
    const folder = join(first.path, "partial");
    await eventually(async () => expect(await filesIn(folder)).toHaveLength(2));
    first.crash();
    const { store, path, stop } = await openStore({}, first.path, boot);
    const next = await store.takeUp("label");
    expect(next?.stretches).toEqual(
      isThere
        ? [
            { start: 0, end: 4 * 1024 * 1024 },
            { start: ahead, end: large.length },
          ]
        : undefined,
    );
    await next?.discard();
    await next?.close();
    await draft.close();
    expect(await filesIn(join(path, "partial"))).toEqual([]);
    await stop();
  });

  it("goes on with nothing that is not as it was left", async () => {
    const { store, path } = await openStore();
    const draft = await store.create();
    await draft.write(bytes, draft.written);
    await draft.setAside("label");
    await draft.close();
    const files = await filesIn(join(path, "partial"));
    await truncate(files.find((file) => file.endsWith(".left")) ?? "", 1);
    expect(await store.takeUp("label")).toBeUndefined();
    expect(await filesIn(join(path, "partial"))).toEqual([]);
  });

  it("opens with one open and one fstat, and reads with one read", async () => {
    const fs = failingFileSystem();
    const { store } = await openStore({ fs });
    await keep(store, bytes);
    await store.close();
    const before = fs.calls();
    const reader = await opened(store, digest);
    expect(fs.calls() - before).toBe(2);
    await reader.read(Buffer.alloc(bytes.length), 0);
    expect(fs.calls() - before).toBe(3);
    await reader.close();
  });

  it.each([
    ["open", (store: BlobStore) => store.open(digest)],
    ["stat", (store: BlobStore) => store.stat(digest)],
  ])("notices a truncated file at %s, drops it and says so", async (_, ask) => {
    const { events, observe } = watching();
    const { path, store } = await openStore({ observe });
    await keep(store, bytes);
    await truncate(fileOf(path), 49_999);
    expect(await ask(store)).toBeUndefined();
    expect(await filesIn(join(path, "blobs"))).toEqual([]);
    expect(events).toEqual([{ kind: "blobDropped", digest, size: 49_999 }]);
    await keep(store, bytes);
    expect(await readBlob(store, digest)).toEqual(bytes);
  });

  it("sets a held blob of the wrong size aside instead of deleting it", async () => {
    const { events, observe } = watching();
    const holds = new Holds();
    holds.hold(digest);
    const { path, store } = await openStore({ observe, holds });
    await keep(store, bytes);
    await truncate(fileOf(path), 10);
    expect(await store.open(digest)).toBeUndefined();
    expect(await filesIn(join(path, "blobs"))).toEqual([]);
    const [aside = ""] = await filesIn(join(path, "quarantine"));
    expect((await readFile(aside)).length).toBe(10);
    expect(events).toEqual([{ kind: "blobQuarantined", digest, path: aside }]);
  });

  it("misses a file that somebody removed, and takes the blob again", async () => {
    const { path, store } = await openStore();
    await keep(store, bytes);
    await unlink(fileOf(path));
    expect(await store.open(digest)).toBeUndefined();
    expect(await store.stat(digest)).toBeUndefined();
    await keep(store, bytes);
    expect(await readBlob(store, digest)).toEqual(bytes);
  });

  it("neither serves, lists nor deletes what it did not name", async () => {
    const first = await openStore();
    const { path } = first;
    await keep(first.store, bytes);
    const folder = join(path, "blobs", "sha256", "ab");
    const hex = `ab${"0".repeat(62)}`;
    await mkdir(join(folder, `${hex}.77`), { recursive: true });
    await writeFile(join(folder, hex), "no size");
    await writeFile(join(folder, `${hex}.x`), "no number");
    await writeFile(join(folder, `cd${"0".repeat(62)}.8`), "misfiled");
    await writeFile(join(path, "blobs", "README"), "mine");
    await symlink("/etc/hostname", join(folder, `ab${"1".repeat(62)}.5`));
    const { store: again } = await restarted(first);
    expect(await listed(again)).toEqual([digest]);
    for (const name of ["ab0", "ab1", "cd0"]) {
      const strange = `sha256:${name.slice(0, 2)}${name.slice(2).repeat(62)}` as typeof digest;
      expect(await again.open(strange)).toBeUndefined();
      expect(await again.stat(strange)).toBeUndefined();
    }
    expect(await filesIn(path)).toContain(join(path, "blobs", "README"));
    expect(await filesIn(folder)).toHaveLength(3);
  });

  it("is held up by no pipe that somebody puts where a blob was", async () => {
    const { path, store } = await openStore();
    await keep(store, bytes);
    await unlink(fileOf(path));
    execFileSync("mkfifo", [fileOf(path)]);
    // A writer frees who would wait for one.
    onTestFinished(() => {
      if (lstatSync(fileOf(path), { throwIfNoEntry: false })?.isFIFO() === true)
        closeSync(openSync(fileOf(path), "r+"));
    });
    const readers = Array.from({ length: 8 }, () => store.open(digest));
    expect(new Set(await Promise.all(readers))).toEqual(new Set([undefined]));
    await keep(store, bytes);
    expect(await readBlob(store, digest)).toEqual(bytes);
  });

  it("takes the later of access and change for the time of use", async () => {
    const { path, store } = await openStore();
    await keep(store, bytes);
    await utimes(fileOf(path), 2_000, 1_000);
    for await (const kept of store.list()) expect(kept.usedAt).toBe(2_000_000);
    await utimes(fileOf(path), 1_000, 3_000);
    for await (const kept of store.list()) expect(kept.usedAt).toBe(3_000_000);
  });

  it("passes over what cannot be looked at when it lists, says so once, and trusts no more for it", async () => {
    const fs = failingFileSystem();
    const { events, observe } = watching();
    const first = await openStore();
    await keep(first.store, bytes);
    const others = await Promise.all(
      ["a", "b", "c"].map((text) => keep(first.store, Buffer.from(text))),
    );
    first.crash();
    const { store, path, stop } = await openStore({ fs, observe }, first.path);
    for (const kept of [digest, ...others]) {
      await store.stat(kept);
      store.markVerified(kept);
    }
    fs.failNext("lstat", 2);
    expect(await listed(store)).toHaveLength(3);
    // The first is the list of folders.
    fs.failNext("readdir", 3);
    expect(await listed(store)).toHaveLength(3);
    expect(events).toMatchObject([
      { kind: "blobsPassedOver", count: 1, error: { code: "IO" } },
      { kind: "blobsPassedOver", count: 1, error: { code: "IO" } },
    ]);
    await stop();
    expect(await readFile(join(path, "clean"), "utf8")).toMatch(/^only\n/);
  });

  it("says FULL for ENOSPC and EDQUOT, IO for the rest, and goes on when there is room again", async () => {
    const fs = failingFileSystem();
    const { store } = await openStore({ fs });
    const draft = await store.create();
    await draft.write(bytes.subarray(0, 1_000), draft.written);
    for (const [code, expected] of [
      ["ENOSPC", "FULL"],
      ["EDQUOT", "FULL"],
      ["EROFS", "IO"],
    ] as const) {
      fs.failAt(1, code);
      await expect(draft.write(bytes.subarray(1_000), draft.written)).rejects.toMatchObject({
        code: expected,
      });
      expect(draft.written).toBe(1_000);
      const buffer = Buffer.alloc(5_000);
      expect(await draft.read(buffer, 0)).toBe(1_000);
      expect(buffer.subarray(0, 1_000)).toEqual(bytes.subarray(0, 1_000));
    }
    await draft.write(bytes.subarray(1_000), draft.written);
    await draft.commit(digest);
    await draft.close();
    expect(await readBlob(store, digest)).toEqual(bytes);
  });

  it("cuts off what a failed write left, when the draft ends there", async () => {
    const fs = failingFileSystem();
    const { store } = await openStore({ fs });
    const draft = await store.create();
    await draft.write(bytes, draft.written);
    fs.failAt(1, "ENOSPC");
    await expect(draft.write(randomBytes(9_000), draft.written)).rejects.toMatchObject({
      code: "FULL",
    });
    await draft.commit(digest);
    await draft.close();
    expect(await readBlob(store, digest)).toEqual(bytes);
  });
});

describe("a disk blob store whose N-th call fails", () => {
  const scenarios = [
    ["a cache fill", false],
    ["a push", true],
  ] as const;

  it.each(scenarios)("holds all of %s or none, whichever call it is", async (_, isDurable) => {
    let hasFailed = true;
    for (let call = 1; hasFailed; call += 1) {
      const fs = failingFileSystem();
      const { path, store, crash } = await openStore({ fs });
      await store.close();
      fs.failAt(call, call % 2 === 0 ? "ENOSPC" : "EIO");
      const before = fs.calls();
      const outcome = await story(store, isDurable);
      hasFailed = fs.calls() - before >= call;
      fs.failAt(0, "");
      expect(fs.openFiles(), `files open after call ${call} failed`).toBe(0);
      await expectAllOrNothing(path, store, `call ${call}`);
      if (!hasFailed) expect(outcome).toBe("deleted");
      crash();
    }
  });

  async function story(store: Awaited<ReturnType<typeof openStore>>["store"], isDurable: boolean) {
    try {
      const draft = await store.create();
      try {
        for (let at = 0; at < bytes.length; at += 20_000) {
          await draft.write(bytes.subarray(at, at + 20_000), draft.written);
        }
        await draft.commit(digest, { isDurable });
        await draft.read(Buffer.alloc(10), 0);
      } finally {
        await draft.close();
      }
      await store.stat(digest);
      const reader = await store.open(digest);
      // The background sync failed and took it away.
      if (reader === undefined) return "dropped";
      expect(await readAll(reader)).toEqual(bytes);
      await listed(store);
      await store.close();
      await store.delete(digest);
      return "deleted";
    } catch (error) {
      expect(error).toMatchObject({ name: "StoreError" });
      return "failed";
    } finally {
      await store.close().catch(() => undefined);
    }
  }

  async function expectAllOrNothing(
    path: string,
    store: Awaited<ReturnType<typeof openStore>>["store"],
    when: string,
  ) {
    const files = await filesIn(join(path, "blobs"));
    expect(files.length, when).toBeLessThanOrEqual(1);
    for (const file of files) expect(await readFile(file), when).toEqual(bytes);
    const reader = await store.open(digest);
    expect(reader !== undefined, when).toBe(files.length === 1);
    await reader?.close();
  }
});

describe("a disk blob store after a stop", () => {
  it("trusts everything after a clean stop", async () => {
    const first = await openStore();
    await keep(first.store, bytes);
    const second = await restarted(first);
    expect(await second.store.stat(digest)).toMatchObject({ isVerified: true });
  });

  it("trusts nothing older than the start after a crash, until it was verified", async () => {
    const first = await openStore();
    await keep(first.store, bytes);
    const newer = randomBytes(10);
    first.crash();
    const second = await openStore({}, first.path);
    await keep(second.store, newer);
    expect(await second.store.stat(digest)).toMatchObject({ isVerified: false });
    expect(await second.store.stat(digestOf(newer))).toMatchObject({ isVerified: true });
    second.store.markVerified(digest);
    expect(await second.store.stat(digest)).toMatchObject({ isVerified: true });
  });

  it("trusts nothing after a second crash, whatever was verified in between", async () => {
    const first = await openStore();
    await keep(first.store, bytes);
    first.crash();
    const second = await openStore({}, first.path);
    await second.store.stat(digest);
    second.store.markVerified(digest);
    second.crash();
    const third = await openStore({}, first.path);
    expect(await third.store.stat(digest)).toMatchObject({ isVerified: false });
  });

  it("remembers over a clean stop what a crash before it left in doubt", async () => {
    const first = await openStore();
    const other = await keep(first.store, randomBytes(10));
    await keep(first.store, bytes);
    first.crash();
    const second = await openStore({}, first.path);
    await second.store.stat(digest);
    second.store.markVerified(digest);
    const third = await restarted(second);
    expect(await third.store.stat(digest)).toMatchObject({ isVerified: true });
    expect(await third.store.stat(other)).toMatchObject({ isVerified: false });
    const fourth = await restarted(third);
    expect(await fourth.store.stat(other)).toMatchObject({ isVerified: false });
  });

  it("needs no list of names any more once a walk met nothing in doubt", async () => {
    const first = await openStore();
    await keep(first.store, bytes);
    first.crash();
    const second = await openStore({}, first.path);
    await listed(second.store);
    await second.store.stat(digest);
    second.store.markVerified(digest);
    await listed(second.store);
    await second.stop();
    expect(await readFile(join(first.path, "clean"), "utf8")).toBe("all\n");
  });

  it("doubts what was fetched, deleted and put back by other hands", async () => {
    const first = await openStore();
    await keep(first.store, bytes);
    first.crash();
    const second = await openStore({}, first.path);
    await keep(second.store, bytes);
    await second.store.delete(digest);
    const third = await restarted(second);
    await writeFile(fileOf(first.path), bytes);
    expect(await third.store.stat(digest)).toMatchObject({ isVerified: false });
  });

  it("leaves no marker when a sync fails, gives the blob up, and never tries it again", async () => {
    const { events, observe } = watching();
    const fs = failingFileSystem();
    const { path, store, stop } = await openStore({ fs, observe });
    fs.failNext("fsync");
    await keep(store, bytes);
    await stop();
    expect(events).toMatchObject([{ kind: "syncFailed", digest }]);
    expect(await filesIn(join(path, "blobs"))).toEqual([]);
    expect(await filesIn(path)).not.toContain(join(path, "clean"));
    expect(fs.openFiles()).toBe(0);
  });

  it("leaves no marker when there was no time to sync everything", async () => {
    const fs = failingFileSystem();
    const { path, store } = await openStore({ fs });
    const releaseSyncs = fs.holdSyncs();
    await keep(store, bytes);
    await keep(store, randomBytes(1_000));
    const closing = store.close(AbortSignal.abort());
    releaseSyncs();
    await closing;
    expect(await filesIn(path)).not.toContain(join(path, "clean"));
  });

  it("leaves no marker on a push whose folder could not be synced, and no blob", async () => {
    const fs = failingFileSystem();
    const { path, store } = await openStore({ fs });
    const draft = await store.create();
    await draft.write(bytes, draft.written);
    // The first is the file's, the second its folder's.
    fs.failNext("fsync", 2);
    await expect(draft.commit(digest, { isDurable: true })).rejects.toMatchObject({ code: "IO" });
    await draft.close();
    expect(await store.stat(digest)).toBeUndefined();
    await store.close();
    expect(await filesIn(path)).not.toContain(join(path, "clean"));
  });
});

async function restarted(before: OpenedStore) {
  await before.stop();
  return openStore({}, before.path);
}
