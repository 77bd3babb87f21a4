/**
 * The cache over a real folder whose N-th call to the system fails, once or from then on, for every
 * N: clients never get a wrong body, those who fetch are never failed, nothing stays open.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CacheEvent } from "../../src/cache/cache-event.ts";
import { Eviction } from "../../src/cache/eviction.ts";
import { GuardedBlobs } from "../../src/cache/guarded-blobs.ts";
import { KeptBlobs } from "../../src/cache/kept-blobs.ts";
import { Rechecks } from "../../src/cache/rechecks.ts";
import { resumptionLabel } from "../../src/cache/resumption.ts";
import { Scrub } from "../../src/cache/scrub.ts";
import { Downloads } from "../../src/cache/single-flight.ts";
import { Usage } from "../../src/cache/usage.ts";
import { WriteBreaker } from "../../src/cache/write-breaker.ts";
import { type Digest, digestHex, digestOf } from "../../src/protocol/digest.ts";
import { openDataFolder } from "../../src/store/disk/data-folder.ts";
import { DiskBlobStore } from "../../src/store/disk/disk-blob-store.ts";
import { MemoryRecordStore } from "../../src/store/memory/memory-record-store.ts";
import { type FailingFileSystem, failingFileSystem } from "../store/disk/fail-nth-call.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { askFor, content, type ReadOptions, readAll } from "./support/pulling.ts";
import { ScriptedRegistry } from "./support/scripted-registry.ts";
import { TestTiming } from "./support/test-timing.ts";

const bytes = content(300_000);
const digest = digestOf(bytes);
const atOnce = 8;

/** Everything between a client and the disk, put together as the program does. */
class Kitchen {
  readonly fs: FailingFileSystem;
  readonly upstream = new ScriptedRegistry(bytes, () => ({ piece: 30_000 }));
  readonly events: CacheEvent[] = [];
  readonly store: DiskBlobStore;
  readonly kept: KeptBlobs;
  readonly usage: Usage;
  readonly eviction: Eviction;
  readonly scrub: Scrub;
  readonly #downloads: Downloads;
  readonly #rechecks: Rechecks;
  readonly #breaker: WriteBreaker;

  constructor(store: DiskBlobStore, fs: FailingFileSystem, maxSize: number) {
    this.store = store;
    this.fs = fs;
    const records = new MemoryRecordStore();
    const timing = new TestTiming();
    const now = (): number => 0;
    const observe = (event: CacheEvent): void => {
      this.events.push(event);
      if (event.kind === "blobStored") this.usage.added(event.digest, event.size);
      if (event.kind === "blobEvicted") this.kept.forget(event.digest);
      this.eviction.note(event);
      this.#downloads.note(event);
    };
    this.usage = new Usage({ records, observe, now });
    this.#breaker = new WriteBreaker({ blobs: store, observe, timing });
    const blobs = new GuardedBlobs(store, this.#breaker);
    this.#downloads = new Downloads({ client: this.upstream, blobs, observe, timing });
    this.#rechecks = new Rechecks({ blobs, observe });
    this.kept = new KeptBlobs({ blobs, rechecks: this.#rechecks, usage: this.usage, observe });
    const wanted = () => Promise.resolve(new Map<Digest, number>());
    this.eviction = new Eviction({
      ...{ blobs: store, usage: this.usage, observe, timing, wanted },
      ...{ maxSize, minFree: () => 0, isHeld: () => false },
    });
    this.scrub = new Scrub({ blobs, records, observe, timing, now, interval: 0 });
  }

  /** What one client gets: from the store, or by the one download. */
  async pull(options: ReadOptions = {}): Promise<Buffer> {
    const { from = 0 } = options;
    const hit = await this.kept.open(digest);
    const source = hit ?? (await this.#downloads.open(askFor(digest, { from }))).source;
    try {
      return await readAll(source, options);
    } finally {
      await source.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.eviction.close(), this.#downloads.close(), this.#rechecks.close()]);
    this.#breaker.close();
    await this.store.close().catch(() => undefined);
  }
}

type Story = {
  /** What an earlier run that crashed left behind. */
  readonly kept: "nothing" | "right bytes" | "wrong bytes" | "the first part";
  /** Whether a client may be failed: who fetches may not, whatever the disk does. */
  readonly mayFail: boolean;
  /** Bytes that may be kept. */
  readonly maxSize?: number;
  readonly tell: (kitchen: Kitchen) => Promise<unknown>;
};

/** One client, who takes what it was told the length of. */
async function right(kitchen: Kitchen, options: ReadOptions = {}): Promise<void> {
  const { from = 0, to } = options;
  const body = await kitchen.pull(options);
  expect(body.equals(bytes.subarray(from, to)), "wrong bytes").toBe(true);
}

/** A client may be failed, but not be given wrong bytes. */
function refuseWrongBytes(error: Error): void {
  if (error.name === "AssertionError") throw error;
}

const crowd = (kitchen: Kitchen): Promise<unknown> =>
  Promise.all([
    right(kitchen),
    right(kitchen, { buffer: 40_000 }),
    right(kitchen, { from: 290_000 }),
    right(kitchen, { from: 10, to: 100_000, buffer: 30_000 }),
  ]);

const stories: readonly (readonly [string, Story])[] = [
  ["four clients of a cold blob", { kept: "nothing", mayFail: false, tell: crowd }],
  ["four clients of a blob taken up", { kept: "the first part", mayFail: false, tell: crowd }],
  ["four clients of a blob in doubt", { kept: "right bytes", mayFail: true, tell: crowd }],
  ["four clients of a blob gone bad", { kept: "wrong bytes", mayFail: true, tell: crowd }],
  [
    "a pull, a hit, an eviction and a pull",
    {
      ...{ kept: "nothing", mayFail: true, maxSize: 10 },
      tell: async (kitchen) => {
        await right(kitchen);
        await right(kitchen);
        kitchen.eviction.wake();
        await kitchen.eviction.settled();
        await right(kitchen);
      },
    },
  ],
  [
    "a scrub that finds a blob gone bad, with two clients meanwhile, and another scrub",
    {
      ...{ kept: "wrong bytes", mayFail: true },
      tell: async (kitchen) => {
        const { signal } = new AbortController();
        const scrub = kitchen.scrub.run(signal);
        await Promise.allSettled([scrub, right(kitchen), right(kitchen, { from: 200_000 })]);
        await kitchen.scrub.run(signal);
        await right(kitchen);
      },
    },
  ],
];

const kinds = [
  ["fails with EIO", "once", "EIO"],
  ["fails with EMFILE", "once", "EMFILE"],
  ["and all after it fail with EIO", "always", "EIO"],
  ["and all after it fail with ENOSPC", "always", "ENOSPC"],
] as const;

/** A folder as the story has it. */
async function prepared({ kept }: Story): Promise<string> {
  const path = await temporaryFolder();
  if (kept === "nothing") return path;
  await writeFile(join(path, "VERSION"), "1\n");
  if (kept === "the first part") {
    const label = createHash("sha256")
      .update(resumptionLabel(askFor(digest)))
      .digest("hex");
    await mkdir(join(path, "partial"));
    await writeFile(join(path, "partial", `${label}.left`), bytes.subarray(0, 200_000));
    await writeFile(join(path, "clean"), "all\n");
    return path;
  }
  const hex = digestHex(digest);
  const folder = join(path, "blobs", "sha256", hex.slice(0, 2));
  await mkdir(folder, { recursive: true });
  const written = Buffer.from(bytes);
  if (kept === "wrong bytes") written[150_000] = (written[150_000] ?? 0) ^ 1;
  await writeFile(join(folder, `${hex}.${bytes.length}`), written);
  return path;
}

async function bytesIn(folder: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(folder)) sum += (await stat(join(folder, name))).size;
  return sum;
}

/** Whether there was such a call at all. */
async function failsWell(story: Story, call: number, how: "once" | "always", code: string) {
  const fs = failingFileSystem();
  const folder = await openDataFolder(await prepared(story));
  const store = await DiskBlobStore.open(folder, { fs });
  const kitchen = new Kitchen(store, fs, story.maxSize ?? Number.POSITIVE_INFINITY);
  fs.failAt(call, code, how);
  const told = story.tell(kitchen);
  await (story.mayFail ? told.catch(refuseWrongBytes) : told);
  const hasFailed = fs.failed().size > 0;
  fs.failAt(0, "");
  const when = `call ${call}, ${[...fs.failed()]}`;
  // The disk is well again, and so is the next client; one may have to find out what is wrong.
  await right(kitchen).catch(refuseWrongBytes);
  await right(kitchen);
  await kitchen.close();
  expect(fs.openFiles(), when).toBe(0);
  expect(kitchen.upstream.open, when).toBe(0);
  // What lies there is known, so it is made use of or goes.
  if (!fs.failed().has("unlink"))
    expect(await bytesIn(join(folder.path, "partial")), when).toBe(store.aside);
  folder.close();
  return hasFailed;
}

describe.each(stories)("%s", (_name, story) => {
  it.each(kinds)("whichever call to the disk %s", async (_none, how, code) => {
    // Several at a time: they mostly wait for the disk.
    for (let first = 1, isMore = true; isMore; first += atOnce) {
      const calls = Array.from({ length: atOnce }, (_item, index) => first + index);
      const ends = await Promise.all(calls.map((call) => failsWell(story, call, how, code)));
      isMore = ends.every((hasFailed) => hasFailed);
    }
  });
});
