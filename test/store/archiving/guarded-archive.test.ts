import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/protocol/digest.ts";
import { GuardedArchive } from "../../../src/store/archiving/guarded-archive.ts";
import type { StoreEvent } from "../../../src/store/store-event.ts";
import { archiveContract, read, toArchive } from "../../contracts/archive.ts";
import { FakeS3 } from "../../support/fake-s3.ts";
import { openedArchive } from "../s3/opened-archive.ts";

const never = new AbortController().signal;
const digest = digestOf(randomBytes(8));

let s3: FakeS3;
let now = 0;
const events: StoreEvent[] = [];
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  s3 = await FakeS3.start();
  now = 0;
  events.length = 0;
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await s3.stop();
});

async function guarded(): Promise<GuardedArchive> {
  const { archive, close } = await openedArchive({ endpoint: s3.url });
  closing.push(close);
  const observe = (event: StoreEvent): void => void events.push(event);
  return new GuardedArchive({ archive, observe, clock: { steady: () => now } });
}

const kinds = () => events.map(({ kind }) => kind).filter((kind) => kind !== "archiveAsked");
const refused = { kind: "status", status: 503, code: "SlowDown" } as const;

archiveContract("a guarded archive", guarded);

describe("an archive that fails", () => {
  it("is asked by nobody after five failures, and by one in ten seconds", async () => {
    const archive = await guarded();
    s3.misbehave = () => refused;
    const ask = () =>
      expect(archive.stat(digest, never)).rejects.toMatchObject({ code: "ARCHIVE" });
    for (let times = 0; times < 20; times += 1) await ask();
    expect(s3.count("head")).toBe(5);
    now += 10_000;
    await Promise.all([ask(), ask(), ask()]);
    expect(s3.count("head")).toBe(6);
    expect(kinds()).toEqual(["archiveLost"]);
    expect(archive.degraded[0]).toContain("status 503); pulls go on without it");
  });

  it("is left alone by pulls although what they do not wait for goes well", async () => {
    const archive = await guarded();
    const blob = toArchive(randomBytes(100));
    s3.misbehave = (operation) => (operation === "get" ? refused : undefined);
    for (let times = 0; times < 8; times += 1) {
      await archive.put(blob, never);
      const opening = archive.open(blob.digest, { start: 0 }, never);
      await expect(opening).rejects.toMatchObject({ code: "ARCHIVE" });
    }
    expect([s3.count("get"), s3.count("put")]).toEqual([5, 8]);
    await expect(archive.linkTo(blob.digest)).rejects.toMatchObject({ code: "ARCHIVE" });
    expect(archive.degraded[0]).toMatch(/pulls go on without it$/);
    expect(kinds()).toEqual(["archiveLost"]);
    s3.misbehave = () => undefined;
    now += 10_000;
    await read(await archive.open(blob.digest, { start: 0 }, never));
    expect(archive.degraded).toEqual([]);
    expect(kinds()).toEqual(["archiveLost", "archiveBack"]);
  });

  it("is asked by all again once one was answered", async () => {
    const archive = await guarded();
    s3.misbehave = () => refused;
    for (let times = 0; times < 5; times += 1) await archive.stat(digest, never).catch(() => 0);
    s3.misbehave = () => undefined;
    await expect(archive.stat(digest, never)).rejects.toMatchObject({ code: "ARCHIVE" });
    now += 10_000;
    expect(await archive.stat(digest, never)).toBeUndefined();
    expect(await archive.stat(digest, never)).toBeUndefined();
    expect(kinds()).toEqual(["archiveLost", "archiveBack"]);
    expect(archive.degraded).toEqual([]);
  });

  it("is counted as failing when its bodies break off", async () => {
    const archive = await guarded();
    const blob = toArchive(randomBytes(300_000));
    await archive.put(blob, never);
    s3.misbehave = (operation) =>
      operation === "get" ? { kind: "cut", after: 100_000 } : undefined;
    for (let times = 0; times < 5; times += 1) {
      const opened = await archive.open(blob.digest, { start: 0 }, never);
      await expect(read(opened)).rejects.toMatchObject({ code: "ARCHIVE" });
    }
    expect(kinds()).toEqual(["archiveLost"]);
  });

  it("is not blamed for what its caller ended", async () => {
    const archive = await guarded();
    for (let times = 0; times < 6; times += 1)
      await archive.stat(digest, AbortSignal.abort()).catch(() => undefined);
    expect(await archive.stat(digest, never)).toBeUndefined();
  });
});
