/**
 * Makes room: the least recently used blobs go until what is kept fits its caps and the volume has
 * its free space. Never what is read or held. What belongs to a manifest that was just served goes
 * last, the oldest serve first: clients are about to ask for it, but the cap and the free space win.
 */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Bookkeeping } from "../../download/bookkeeping.ts";
import type { Digest } from "../../protocol/digest.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { BlobSpace } from "../../store/blob-space.ts";
import type { BlobStore, KeptBlob } from "../../store/blob-store.ts";
import { StoreError } from "../../store/store-error.ts";
import type { Observe } from "../cache-event.ts";
import type { DiskHealth } from "./disk-health.ts";
import { oldestFirst } from "./oldest-first.ts";
import type { Usage } from "./usage.ts";

export type EvictionOptions = {
  readonly blobs: Pick<BlobStore, "delete" | "stat"> & BlobSpace;
  readonly disk: Pick<DiskHealth, "isQuiet" | "roomFailed">;
  readonly usage: Usage;
  /** Bytes that may be kept. */
  readonly maxSize: number;
  /** Blobs that may be kept, however small: each takes memory. As many as maxSize gives reason for, unless said. */
  readonly maxBlobs?: number;
  /** Bytes of a volume of so many in all that must stay free. */
  readonly minFree: (total: number) => number;
  /** Hosted content relies on it. */
  readonly isHeld: (digest: Digest) => boolean;
  /** Whether a blob that is only lent (usage.ts) has been where it was to go; left out, there is no such place. */
  readonly isDelivered?: (digest: Digest) => boolean;
  /** What clients are about to ask for, and when they were told of it (just-served.ts). */
  readonly wanted: () => Promise<ReadonlyMap<Digest, number>>;
  readonly books: Pick<Bookkeeping, "gone">;
  readonly observe: Observe;
  readonly clock?: Clock;
};

/** A volume that reports itself full gets this much room at least. */
const reliefBytes = 256 * 1024 * 1024;
const nothing = { bytes: 0, blobs: 0 };
/** 25 MB of memory. */
const leastBlobs = 200_000;
const ordinaryBlob = 1024 * 1024;
/** What could not go is looked at again after so many milliseconds: its readers may have left. */
const again = 10_000;
/** So many blobs are passed over before others get their turn. */
const stride = 500;

/** What is too much. */
type Excess = { readonly bytes: number; readonly blobs: number };

/** What one look has made so far. */
type Room = {
  readonly excess: Excess;
  blobs: number;
  bytes: number;
  /** What the store would not delete. */
  readonly refused: Set<Digest>;
};

export class Eviction {
  readonly #options: EvictionOptions;
  #running: Promise<void> | undefined;
  #isWoken = false;
  #relief = 0;
  /** What the last look could not make room for. */
  #missing = 0;
  #cancelAgain: (() => void) | undefined;
  #isClosed = false;

  constructor(options: EvictionOptions) {
    this.#options = options;
  }

  /** Something could not be written: a full disk needs room. */
  writeFailed(error: unknown): void {
    if (error instanceof StoreError && error.code === "FULL") this.#relief = reliefBytes;
    this.wake();
  }

  /** Looks whether something has to go, now or once more after the present look. */
  wake(): void {
    if (this.#isClosed || this.#options.disk.isQuiet) return;
    this.#isWoken = true;
    this.#running ??= this.#work();
  }

  /** Resolves when nothing is being looked at or deleted. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelAgain?.();
    await this.settled();
  }

  async #work(): Promise<void> {
    while (this.#isWoken && !this.#isClosed) {
      this.#isWoken = false;
      try {
        await this.#takeLent();
        const excess = await this.#excess();
        if (isAny(excess)) await this.#makeRoom(excess);
      } catch (error) {
        this.#options.disk.roomFailed();
        this.#options.observe({ kind: "diskFailed", error });
      }
    }
    this.#running = undefined;
  }

  /** What no room was meant for goes as soon as nobody needs it. */
  async #takeLent(): Promise<void> {
    const { usage, isDelivered = () => true } = this.#options;
    const room: Room = { excess: nothing, blobs: 0, bytes: 0, refused: new Set() };
    const lent = usage.lent();
    const mayGo = (blob: KeptBlob): boolean => this.#mayGo(blob, room) && isDelivered(blob.digest);
    for (const blob of lent) if (mayGo(blob)) await this.#take(blob, room);
    if (room.blobs < lent.length) this.#lookAgain();
  }

  #lookAgain(): void {
    const { clock = systemClock } = this.#options;
    this.#cancelAgain?.();
    if (!this.#isClosed) this.#cancelAgain = clock.after(again, () => this.wake());
  }

  /** What has to go: what was set aside goes first, for parts are worth less than wholes. */
  async #excess(): Promise<Excess> {
    const { blobs } = this.#options;
    const relief = this.#relief;
    this.#relief = 0;
    const excess = await this.#lacking(relief);
    if (excess.bytes <= 0 || blobs.aside === 0) return excess;
    await blobs.clearAside();
    return await this.#lacking(relief);
  }

  async #lacking(relief: number): Promise<Excess> {
    const { blobs, usage, maxSize, minFree } = this.#options;
    const { maxBlobs = blobsOf(maxSize) } = this.#options;
    const space = await blobs.space();
    const short = space === undefined ? 0 : minFree(space.total) - space.free;
    const lacking = space === undefined ? 0 : relief - space.free;
    const bytes = Math.max(usage.total + blobs.aside - maxSize, short, lacking);
    return { bytes, blobs: usage.count - maxBlobs };
  }

  async #makeRoom(excess: Excess): Promise<void> {
    const { wanted, observe } = this.#options;
    const room: Room = { excess, blobs: 0, bytes: 0, refused: new Set() };
    await this.#takeWanted(await this.#takeOthers(await wanted(), room), room);
    const { blobs, bytes } = room;
    const missing = Math.max(0, excess.bytes - bytes);
    const isNews = blobs > 0 || missing !== this.#missing;
    this.#missing = missing;
    if (missing > 0 || blobs < excess.blobs) this.#lookAgain();
    if (isNews) observe({ kind: "evictionFinished", blobs, bytes, missing });
  }

  /** Takes what nobody is about to ask for; returns what it passed over, with the time of its serve. */
  async #takeOthers(servedAt: ReadonlyMap<Digest, number>, room: Room): Promise<KeptBlob[]> {
    const passedOver: KeptBlob[] = [];
    const all = this.#options.usage.oldestFirst();
    for (const blob of candidates(all, (each) => this.#mayGo(each, room))) {
      if (this.#isOver(room)) break;
      const usedAt = blob && servedAt.get(blob.digest);
      if (blob === undefined) await yieldToOthers();
      else if (usedAt === undefined) await this.#take(blob, room);
      else passedOver.push({ ...blob, usedAt });
    }
    return passedOver;
  }

  async #takeWanted(blobs: readonly KeptBlob[], room: Room): Promise<void> {
    if (this.#isOver(room)) return;
    for await (const part of oldestFirst(blobs)) {
      for (const blob of candidates(part, (each) => this.#mayGo(each, room))) {
        if (this.#isOver(room)) return;
        if (blob === undefined) await yieldToOthers();
        else await this.#take(blob, room);
      }
    }
  }

  #isOver({ bytes, blobs, excess }: Room): boolean {
    return (bytes >= excess.bytes && blobs >= excess.blobs) || this.#isClosed;
  }

  #mayGo({ digest }: KeptBlob, { refused }: Room): boolean {
    const { usage, isHeld } = this.#options;
    return usage.has(digest) && !usage.isRead(digest) && !isHeld(digest) && !refused.has(digest);
  }

  async #take(blob: KeptBlob, room: Room): Promise<void> {
    if (!(await this.#evict(blob))) {
      room.refused.add(blob.digest);
      return;
    }
    room.blobs += 1;
    room.bytes += this.#options.usage.roomOf(blob.size);
  }

  /**
   * Out of the index before it is off the disk, so that nobody is sent to what is no more. What was
   * gone already counts too: back in the index it would for ever push out what is really kept.
   */
  async #evict({ digest, size, usedAt }: KeptBlob): Promise<boolean> {
    const { blobs, books, usage, observe } = this.#options;
    usage.removed(digest);
    try {
      if ((await blobs.delete(digest)) || (await blobs.stat(digest)) === undefined) {
        books.gone(digest);
        observe({ kind: "blobEvicted", digest, size, usedAt });
        return true;
      }
    } catch (error) {
      usage.added(digest, size);
      throw error;
    }
    usage.added(digest, size);
    return false;
  }
}

function isAny({ bytes, blobs }: Excess): boolean {
  return bytes > 0 || blobs > 0;
}

/** More than a cache of that size has of ordinary images, and 200,000 at least. */
function blobsOf(maxSize: number): number {
  return Math.max(leastBlobs, maxSize / ordinaryBlob);
}

/** The blobs that may go, in the order given; undefined where others should get their turn. */
export function* candidates(
  blobs: Iterable<KeptBlob>,
  mayGo: (blob: KeptBlob) => boolean,
): IterableIterator<KeptBlob | undefined> {
  let passed = 0;
  for (const blob of blobs) {
    if (mayGo(blob)) yield blob;
    passed += 1;
    if (passed % stride === 0) yield undefined;
  }
}
