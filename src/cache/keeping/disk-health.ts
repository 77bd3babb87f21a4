/**
 * Whether the disk works. From its first failed write on the program calls itself degraded, until a
 * blob is kept or a trial write succeeds. After five failures in a row it is left alone: every
 * download that tried it would ask the upstream twice, once for the file and once for its client.
 */
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { BlobDraft, DraftStore } from "../../store/draft-store.ts";
import { StoreError } from "../../store/store-error.ts";
import type { Observe } from "../cache-event.ts";

export type DiskHealthOptions = {
  readonly drafts: Pick<DraftStore, "create">;
  readonly observe: Observe;
  /** Hears of every failed write: a full disk needs room. */
  readonly makeRoom: (error: unknown) => void;
  readonly clock?: Clock;
};

/** Failures in a row; each stands for one blob, however many of its writes failed. */
const most = 5;
/** Milliseconds before a trial. */
const usualPause = 2_000;
/** The same while it is left alone, unless it is only full: room is made, and comes back soon. */
const longPause = 30_000;
/** After it could not make room it is not asked for so many milliseconds. */
const quiet = 5_000;
/** As large as a piece of a blob: where this fits, work can go on. */
const trialBytes = 256 * 1024;

export class DiskHealth {
  readonly #options: DiskHealthOptions;
  readonly #clock: Clock;
  #failures = 0;
  #failedEver = 0;
  #reason: string | undefined;
  #isPaused = false;
  #cancelTrial: (() => void) | undefined;
  #cancelQuiet: (() => void) | undefined;
  #isClosed = false;

  constructor(options: DiskHealthOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Whether nothing is to be written for now. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Whether it is not to be asked for room for now. */
  get isQuiet(): boolean {
    return this.#cancelQuiet !== undefined;
  }

  /** Sentences for `/readyz`; none while it takes what it is given, as far as is known. */
  get degraded(): readonly string[] {
    return this.#reason === undefined ? [] : [this.#reason];
  }

  /** How often it failed, ever: for who will say that a write succeeded. */
  get failed(): number {
    return this.#failedEver;
  }

  /** A blob could not be written. */
  writeFailed(error: unknown): void {
    if (this.#isClosed) return;
    this.#failedEver += 1;
    const why = error instanceof Error ? error.message : String(error);
    this.#reason = `the disk fails (${why}); pulls go on, but nothing new is kept`;
    if (!this.#isPaused) this.#count(error);
    this.#options.makeRoom(error);
  }

  /**
   * A blob was written and kept, begun when the disk had failed so often. One begun before the last failure
   * shows that the disk worked, not that it does.
   */
  writeSucceeded(failedBefore = this.#failedEver): void {
    if (failedBefore < this.#failedEver) return;
    this.#failures = 0;
    if (!this.#isPaused) this.#recover();
  }

  /** What should go could not be deleted, or the free room not be learned. */
  roomFailed(): void {
    if (this.#isClosed) return;
    this.#cancelQuiet?.();
    this.#cancelQuiet = this.#clock.after(quiet, () => {
      this.#cancelQuiet = undefined;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#isPaused = false;
    this.#cancelQuiet?.();
    this.#cancelQuiet = undefined;
    this.#recover();
  }

  #count(error: unknown): void {
    if (!isOwnFault(error)) this.#failures += 1;
    if (this.#failures < most) {
      if (this.#cancelTrial === undefined) this.#plan(error);
      return;
    }
    this.#isPaused = true;
    this.#plan(error);
    this.#options.observe({ kind: "writesPaused", error });
  }

  #plan(error: unknown): void {
    const isFull = error instanceof StoreError && error.code === "FULL";
    const pause = this.#isPaused && !isFull ? longPause : usualPause;
    this.#cancelTrial?.();
    this.#cancelTrial = this.#clock.after(pause, () => void this.#try());
  }

  async #try(): Promise<void> {
    try {
      await tryWrite(this.#options.drafts);
    } catch (error) {
      if (!this.#isClosed && this.#reason !== undefined) this.#plan(error);
      return;
    }
    if (this.#isClosed) return;
    this.#recover();
    if (!this.#isPaused) return;
    this.#isPaused = false;
    // A trial is no blob: the next failure is one too many again.
    this.#failures = most - 1;
    this.#options.observe({ kind: "writesResumed" });
  }

  #recover(): void {
    this.#reason = undefined;
    this.#cancelTrial?.();
    this.#cancelTrial = undefined;
  }
}

/** A trial write that leaves nothing. Throws StoreError. */
async function tryWrite(drafts: Pick<DraftStore, "create">): Promise<void> {
  const draft = await drafts.create();
  try {
    await draft.write(Buffer.alloc(trialBytes), 0);
  } finally {
    await draft.close();
  }
}

/** Too many open files say nothing of the disk. */
function isOwnFault(error: unknown): boolean {
  const cause = error instanceof StoreError ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return code === "EMFILE" || code === "ENFILE";
}

type Disk = Pick<DiskHealth, "isPaused" | "failed" | "writeFailed" | "writeSucceeded">;

/** Drafts whose writes tell of the disk's health, and are refused with StoreError PAUSED while it is left alone. */
export class GuardedDrafts implements DraftStore {
  readonly #drafts: DraftStore;
  readonly #disk: Disk;

  constructor(drafts: DraftStore, disk: Disk) {
    this.#drafts = drafts;
    this.#disk = disk;
  }

  async create(id?: string): Promise<BlobDraft> {
    if (this.#disk.isPaused) throw new StoreError("PAUSED", "the disk is left alone for a while");
    try {
      return new GuardedDraft(await this.#drafts.create(id), this.#disk);
    } catch (error) {
      this.#disk.writeFailed(error);
      throw error;
    }
  }

  async takeUp(id: string): Promise<BlobDraft | undefined> {
    if (this.#disk.isPaused) return undefined;
    const draft = await this.#drafts.takeUp(id);
    return draft && new GuardedDraft(draft, this.#disk);
  }
}

class GuardedDraft implements BlobDraft {
  readonly #draft: BlobDraft;
  readonly #disk: Disk;
  readonly #failedBefore: number;
  /** By its owner, or by a failure that was counted: what fails after that says nothing new. */
  #isEnded = false;

  constructor(draft: BlobDraft, disk: Disk) {
    this.#draft = draft;
    this.#disk = disk;
    this.#failedBefore = disk.failed;
  }

  get written(): number {
    return this.#draft.written;
  }

  endOf(position: number): number {
    return this.#draft.endOf(position);
  }

  get stretches(): BlobDraft["stretches"] {
    return this.#draft.stretches;
  }

  write(chunk: Uint8Array, position: number): Promise<void> {
    return this.#draft.write(chunk, position).catch((error: unknown) => this.#fail(error));
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#draft.read(buffer, position);
  }

  async commit(...[digest, options]: Parameters<BlobDraft["commit"]>): Promise<void> {
    const isMeant = !this.#isEnded;
    await this.#draft.commit(digest, options).catch((error: unknown) => this.#fail(error));
    if (isMeant) this.#disk.writeSucceeded(this.#failedBefore);
    this.#isEnded = true;
  }

  discard(): Promise<void> {
    this.#isEnded = true;
    return this.#draft.discard();
  }

  setAside(id: string): Promise<void> {
    this.#isEnded = true;
    return this.#draft.setAside(id);
  }

  close(): Promise<void> {
    this.#isEnded = true;
    return this.#draft.close();
  }

  #fail(error: unknown): never {
    if (!this.#isEnded) this.#disk.writeFailed(error);
    this.#isEnded = true;
    throw error;
  }
}
