/**
 * Where a download gets its bytes from next. Each range that is asked for gets a front of its own,
 * unless the one below it arrives in time; once the whole is wanted, what is missing is fetched from
 * the first byte on, in stripes, so that little lies beyond what the hash covers.
 *
 *     0        hashed                                                            size
 *     ├───────────┤─ whole ▶        ├──────┤─ front ▶      ├──┤─ front ▶           │
 *                  up to the next byte that is there or on its way
 */
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import { Claims } from "./claims.ts";
import { DownloadError, isDownloadError } from "./download-error.ts";
import { Front, type FrontParts } from "./front.ts";
import type { FrontsParts } from "./fronts-parts.ts";
import type { Want } from "./progress.ts";
import type { AskedPart } from "./sources.ts";

const mostAtOnce = 16;
const stripe = 16 * 1024 * 1024;
/** Milliseconds that a range waits for the front below it. */
const patience = 150;
/** One stripe's last bytes come while the next one's first are asked for. */
const wholeAtOnce = 2;
/** Of all bytes so many may come twice: a part is not cut where another range begins in it. */
const mostTwice = 1 / 40;

type Part = Pick<FrontParts, "start" | "end" | "isWhole">;

export class Fronts {
  readonly #parts: FrontsParts;
  readonly #claims: Claims<Front>;
  readonly #running = new Map<Front, Promise<void>>();
  readonly #ended = Promise.withResolvers<void>();
  #isStarted = false;
  #isOver = false;
  #isLetIn = false;
  #hasAskedForAll = false;
  #isWhole = false;
  /** Bytes that come twice. */
  #twice = 0;
  /** One that failed was one too many. */
  #isAlone = false;
  #cancelLook: (() => void) | undefined;

  constructor(parts: FrontsParts) {
    this.#parts = parts;
    this.#claims = new Claims(parts.progress);
    const { signal } = parts;
    signal.addEventListener("abort", () => this.#stop(signal.reason), { once: true });
  }

  /** Whether all of it is wanted. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Resolves when everything is there; rejects with what ended it before. No front is under way then. */
  async run(): Promise<void> {
    this.#isStarted = true;
    this.consider();
    try {
      await this.#ended.promise;
    } finally {
      await Promise.all(this.#running.values());
    }
  }

  /** Somebody waits for this. */
  want(want: Want): void {
    const isInTail = this.#parts.progress.isInTail(want.start);
    if (!want.isPart && (isInTail || want.end === undefined)) this.wantWhole();
    this.#serve(want);
  }

  wantWhole(): void {
    if (this.#isWhole) return;
    this.#isWhole = true;
    this.#parts.onWhole();
  }

  /** Looks at what is to be fetched next; to be called when something has changed. */
  consider(): void {
    if (!this.#isStarted || this.#isOver) return;
    if (this.#parts.isDone()) {
      this.#finish();
      return;
    }
    if (!this.#isWhole && !this.#mayStayParts) this.wantWhole();
    const wants = [...this.#parts.wants()].sort((one, other) => one.start - other.start);
    for (const want of wants) this.#serve(want);
    this.#fetchWhole();
    // Nothing is missing of what an earlier download left, but the upstream must let us in.
    const [start] = wants.map((want) => want.start);
    const isUnasked = !this.#isLetIn && this.#running.size === 0;
    if (isUnasked && start !== undefined) this.#open({ start, end: start + 1, isWhole: false });
  }

  #serve(want: Want): void {
    // Before its size is known there is one request for all, or some for parts.
    if (want.start > this.#parts.progress.written) this.#fetch(want);
    this.#fetchWhole();
    this.#fetch(want);
  }

  /** Who is on his way with what came already is not waited for. */
  #finish(): void {
    for (const front of this.#running.keys()) if (!front.isOpen && !front.isThrough) front.stop();
    if (this.#running.size > 0) return;
    this.#isOver = true;
    this.#cancelLook?.();
    this.#ended.resolve();
  }

  #stop(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelLook?.();
    for (const front of this.#running.keys()) front.stop();
    this.#ended.promise.catch(() => undefined);
    this.#ended.reject(error);
  }

  /** What is missing, from the first byte on. */
  #fetchWhole(): void {
    if (!this.#isStarted || this.#isOver || !this.#isWhole) return;
    const { progress } = this.#parts;
    let start = this.#claims.untaken(progress.written);
    while (start < (progress.size ?? Number.POSITIVE_INFINITY) && this.#openWhole(start)) {
      start = this.#claims.untaken(start);
    }
  }

  #openWhole(start: number): boolean {
    const taken = this.#claims.nextTaken(start);
    const isIdle = this.#running.size === 0;
    // Who was asked for a part and sends none would send all of it twice.
    if (!isIdle && !this.#hasParts) return false;
    if (this.#parts.progress.size === undefined && !isIdle && taken === undefined) return false;
    if ((!this.#hasAskedForAll && taken === undefined) || !this.#hasParts) {
      this.#hasAskedForAll = true;
      return this.#open({ start, end: undefined, isWhole: true });
    }
    const { size } = this.#parts.progress;
    const wholes = this.#claims.all.filter(({ isWhole }) => isWhole);
    if ((taken ?? size) === undefined || wholes.length >= wholeAtOnce) return false;
    const end = Math.min(start + stripe, size ?? Number.POSITIVE_INFINITY);
    return this.#openPart({ start, end, isWhole: true }, 0);
  }

  /** What is missing of this, unless somebody is about to bring it. */
  #fetch(want: Want): void {
    const { progress } = this.#parts;
    const start = progress.endOf(want.start);
    const end = Math.min(want.end ?? Number.POSITIVE_INFINITY, progress.size ?? start + stripe);
    if (start >= end) return;
    const carrier = this.#claims.ownerOf(start);
    if (carrier?.arrivesWithin(start, 0) === true || !this.#mayPart) return;
    const twice = carrier === undefined || carrier.isOpen ? 0 : carrier.end - start;
    if (carrier?.arrivesWithin(start, patience) === true || !this.#mayComeTwice(twice)) {
      this.#lookAgain();
      return;
    }
    this.#openPart({ start, end: Math.min(end, start + stripe), isWhole: false }, twice);
  }

  /** Up to `end` or what is there already; `twice`: so many of its bytes are on their way. */
  #openPart(what: Pick<Part, "start" | "isWhole"> & { readonly end: number }, twice: number) {
    const mayComeTwice = (bytes: number): boolean => this.#mayComeTwice(twice + bytes);
    const reach = this.#claims.reachOf(what.start, what.end, mayComeTwice);
    const isOpened = this.#open({ ...what, end: reach.end });
    if (isOpened) this.#twice += twice + reach.twice;
    return isOpened;
  }

  #mayComeTwice(bytes: number): boolean {
    return bytes === 0 || this.#twice + bytes <= (this.#parts.progress.size ?? 0) * mostTwice;
  }

  /** Whether parts can be asked for: not before it is known what becomes of one request for all. */
  get #mayPart(): boolean {
    if (!this.#isStarted || this.#isOver) return false;
    const isAnywhere = this.#parts.isAnywhere();
    const isKnown = this.#parts.progress.size !== undefined && isAnywhere !== undefined;
    const isUnclear = !isKnown && this.#claims.all.some((front) => front.isOpen);
    return !isUnclear && isAnywhere !== false && !this.#isAlone && this.#hasParts;
  }

  get #mayStayParts(): boolean {
    return !this.#parts.progress.isHalf && !this.#isAlone && this.#hasParts;
  }

  get #hasParts(): boolean {
    const { host, limits } = this.#parts;
    return limits.mayAskForParts(host);
  }

  /** False when there are too many. */
  #open(what: Part): boolean {
    const { host, limits, progress, clock, write, onBreak } = this.#parts;
    const { end } = what;
    if (this.#isOver || this.#running.size >= (this.#isAlone ? 1 : mostAtOnce)) return false;
    // Every download has one; only what it has beside that takes the origin's places.
    const isOnly = this.#running.size === 0;
    const leave = isOnly ? () => undefined : limits.take(host, () => this.consider());
    if (leave === undefined) return false;
    const front: Front = new Front({
      ...what,
      ...{ host, clock, write, onBreak, claims: this.#claims },
      isUnderway: this.#isLetIn,
      size: progress.size,
      open: (offset, isFirst, within) =>
        end === undefined
          ? this.#parts.open(offset, within)
          : this.#askPart(offset, within, { end, isFirst }),
      onOpened: (opened) => this.#opened(opened),
      mayCut: () => this.#hasParts && progress.size !== undefined,
    });
    this.#claims.add(front);
    this.#running.set(
      front,
      front.run().then(
        () => this.#over(front, leave),
        (error) => this.#over(front, leave, error),
      ),
    );
    return true;
  }

  async #askPart(offset: number, signal: AbortSignal, part: AskedPart): Promise<OpenedBlob> {
    const opened = await this.#parts.open(offset, signal, part);
    const { size } = this.#parts.progress;
    const isOther = size !== undefined && opened.total !== size;
    if (opened.hasNoParts !== true && !isOther) return opened;
    opened.close();
    throw new DownloadError("NO_PARTS", `${this.#parts.host} sent another part than was asked for`);
  }

  #opened(opened: OpenedBlob): void {
    this.#isLetIn = true;
    this.#parts.onOpened(opened);
    const { size } = this.#parts.progress;
    if (size !== undefined) for (const front of this.#claims.all) front.limit(size);
    this.consider();
  }

  #over(front: Front, leave: () => void, error?: unknown): void {
    const { progress, signal } = this.#parts;
    this.#claims.remove(front);
    this.#running.delete(front);
    if (!this.#isOver && error !== undefined) this.#failed(front, error);
    const isEnd = error === undefined && front.isOpen && progress.size === undefined;
    if (isEnd && !signal.aborted) progress.declare(front.written);
    leave();
    this.consider();
  }

  /** What cannot be had side by side may be had one after the other. */
  #failed(front: Front, error: unknown): void {
    const isPartless = isDownloadError(error, "NO_PARTS");
    const isFatal = error instanceof DownloadError || front.isOpen || !this.#isLetIn;
    if (isPartless) {
      this.#parts.limits.sendsNoParts(this.#parts.host);
    } else if (isFatal || this.#isAlone) this.#stop(error);
    else this.#isAlone = true;
  }

  #lookAgain(): void {
    this.#cancelLook ??= this.#parts.clock.after(patience, () => {
      this.#cancelLook = undefined;
      this.consider();
    });
  }
}
