/** Everything between clients and a real folder, put together as the program does, for one blob. */
import { createHash } from "node:crypto";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import { DiskHealth, GuardedDrafts } from "../../../src/cache/keeping/disk-health.ts";
import { Eviction } from "../../../src/cache/keeping/eviction.ts";
import { KeptBlobs } from "../../../src/cache/keeping/kept-blobs.ts";
import { Scrub } from "../../../src/cache/keeping/scrub.ts";
import { Usage } from "../../../src/cache/keeping/usage.ts";
import type { Bookkeeping } from "../../../src/download/bookkeeping.ts";
import { Downloads } from "../../../src/download/downloads.ts";
import { resumptionId } from "../../../src/download/sources.ts";
import { VerifyingReads } from "../../../src/download/verifying-reads.ts";
import { type Digest, digestHex, digestOf } from "../../../src/protocol/digest.ts";
import type { DiskBlobStore } from "../../../src/store/disk/disk-blob-store.ts";
import type { FailingFileSystem } from "../../store/disk/fail-nth-call.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { TestClock } from "../../support/test-clock.ts";
import { askFor, content, type ReadOptions, readAll } from "./pulling.ts";
import { ScriptedRegistry } from "./scripted-registry.ts";

export const bytes = content(300_000);
export const digest = digestOf(bytes);

/** Everything between a client and the disk, put together as the program does. */
export class Kitchen {
  readonly fs: FailingFileSystem;
  readonly upstream = new ScriptedRegistry(bytes, () => ({ piece: 30_000 }));
  readonly events: CacheEvent[] = [];
  readonly store: DiskBlobStore;
  readonly kept: KeptBlobs;
  readonly usage: Usage;
  readonly eviction: Eviction;
  readonly scrub: Scrub;
  readonly #downloads: Downloads;
  readonly #rechecks: VerifyingReads;
  readonly #disk: DiskHealth;

  constructor(store: DiskBlobStore, fs: FailingFileSystem, maxSize: number) {
    this.store = store;
    this.fs = fs;
    const records = new MemoryRecordStore();
    const clock = new TestClock();
    const now = (): number => 0;
    const observe = (event: CacheEvent): void => {
      this.events.push(event);
    };
    const books: Bookkeeping = {
      stored: (blob) => {
        this.usage.added(blob.digest, blob.size);
        this.eviction.wake();
      },
      gone: (gone) => {
        this.kept.forget(gone);
        this.#downloads.gone(gone);
      },
    };
    this.usage = new Usage({ records, observe, now });
    const makeRoom = (error: unknown): void => this.eviction.writeFailed(error);
    const disk = new DiskHealth({ drafts: store, observe, makeRoom, clock });
    this.#disk = disk;
    const [blobs, drafts] = [store, new GuardedDrafts(store, disk)];
    this.#downloads = new Downloads({
      client: this.upstream,
      blobs: drafts,
      books,
      observe,
      clock,
    });
    this.#rechecks = new VerifyingReads({ blobs, books, observe });
    this.kept = new KeptBlobs({ blobs, rechecks: this.#rechecks, usage: this.usage, observe });
    const wanted = () => Promise.resolve(new Map<Digest, number>());
    this.eviction = new Eviction({
      ...{ blobs, disk, usage: this.usage, books, observe, clock, wanted },
      ...{ maxSize, minFree: () => 0, isHeld: () => false },
    });
    this.scrub = new Scrub({ blobs, records, books, observe, clock, now, interval: 0 });
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
    this.#disk.close();
    await this.store.close().catch(() => undefined);
  }
}

/** What an earlier run left behind; after a crash, if it is all there. */
export type Kept = "nothing" | "right bytes" | "wrong bytes" | "the first part";

/** One client, who takes what it was told the length of. */
export async function right(kitchen: Kitchen, options: ReadOptions = {}): Promise<void> {
  const { from = 0, to } = options;
  const body = await kitchen.pull(options);
  expect(body.equals(bytes.subarray(from, to)), "wrong bytes").toBe(true);
}

/** A client may be failed, but not be given wrong bytes. */
export function refuseWrongBytes(error: Error): void {
  if (error.name === "AssertionError") throw error;
}

/** A folder with what an earlier run left behind. */
export async function prepared(kept: Kept): Promise<string> {
  const path = await temporaryFolder();
  // A folder that is not new costs fewer syncs.
  await writeFile(join(path, "VERSION"), "2\n");
  if (kept === "nothing") return path;
  if (kept === "the first part") {
    const label = createHash("sha256")
      .update(resumptionId(askFor(digest)))
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

export async function bytesIn(folder: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(folder)) sum += (await stat(join(folder, name))).size;
  return sum;
}
