/**
 * One download that feeds many readers, who may come late or leave early, each with a range of its
 * own. Several fronts write into one file; the hash follows from the first byte on. It ends verified
 * and kept, or leaves nothing but what the next one goes on from.
 *
 *     sources ──▶ fronts ──▶ file and hash ──▶ progress
 *                                  │               │ wakes who is due
 *                                  └──▶ reader, reader, reader …
 */
import type { Digest } from "../protocol/digest.ts";
import { type HeaderList, headerValue } from "../protocol/http/header-list.ts";
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import { type Alone, goAlone } from "./alone.ts";
import { DownloadError, isDownloadError, leavesBytesGood } from "./download-error.ts";
import type { DownloadParts } from "./download-parts.ts";
import { EarlyDraft } from "./early-draft.ts";
import { Fronts } from "./fronts.ts";
import type { GrowingBlob } from "./growing-blob.ts";
import { HashedDraft } from "./hashed-draft.ts";
import { Progress, type Want } from "./progress.ts";
import type { Break } from "./resuming-body.ts";
import { placeOf, resumptionId, type Source, Sources } from "./sources.ts";
import { ReaderSet, type TailReader } from "./tail-reader.ts";

/** An answer begins so long after the upstream's headers, even without a byte that may go out. */
const patience = 5_000;

export class Download implements GrowingBlob {
  readonly digest: Digest;
  readonly progress = new Progress();
  /** In whose name the upstream is asked. */
  readonly sources: Sources;
  readonly readers: ReaderSet;
  readonly #parts: DownloadParts;
  readonly #early: EarlyDraft;
  readonly #draft: HashedDraft;
  readonly #fronts: Fronts;
  readonly #stop = new AbortController();
  /** As the upstream's first headers have it; `isDue` when no client should wait any longer. */
  #answer: { readonly mediaType: string | undefined; isDue: boolean } | undefined;
  #stopPatience: (() => void) | undefined;
  /** Where nobody reads it: to be called when somebody does again. */
  #attend: (() => void) | undefined;

  constructor(first: Source, parts: DownloadParts) {
    const { digest } = first;
    const { open, mostKept, beginHash, onTooLarge, observe } = parts;
    this.digest = digest;
    this.#parts = parts;
    this.sources = new Sources(first, open, () => this.progress.wake());
    this.#early = new EarlyDraft(parts.blobs, () => parts.mayKeep(digest));
    this.#draft = new HashedDraft({
      ...{ digest, blobs: this.#early, mostKept, beginHash, signal: this.#stop.signal },
      onTooLarge: (size) => {
        onTooLarge(digest);
        observe({ kind: "blobTooLarge", ...placeOf(first), size });
      },
      onHashed: () => {
        if (this.#isDone) this.#fronts.consider();
      },
      onFailed: (error) => this.#fileFailed(error),
    });
    this.readers = new ReaderSet(
      () => this.#draft.close(),
      () => this.#deserted(),
    );
    this.#fronts = new Fronts({
      ...{ progress: this.progress, limits: parts.limits, signal: this.#stop.signal },
      ...this.#upstream(first),
      open: (offset, signal, part) => this.sources.open(offset, signal, part),
      onOpened: (opened) => this.#begun(opened),
      write: (bytes, position) => this.#write(bytes, position),
      wants: () => this.readers.wants(),
      isAnywhere: () => this.#draft.isAnywhere ?? (parts.mayKeep(digest) ? undefined : false),
      isDone: () => this.#isDone,
      onWhole: () => {
        if (this.readers.isEmpty) this.#leaveAlone();
      },
    });
  }

  /** Whether a new reader can still get all of it here. */
  get isJoinable(): boolean {
    const { ended } = this.progress;
    return ended === "complete" || (ended === undefined && !this.#stop.signal.aborted);
  }

  /** As the upstream names it, once an answer can begin. */
  get mediaType(): string | undefined {
    return this.#answer?.mediaType;
  }

  /** A reader in the name of `source`, of the bytes from `from` up to `to`, or of all from there on. */
  join(source: Source, from: number, to: number | undefined): TailReader {
    const asked = this.sources.join(source);
    this.#attend?.();
    const reader = this.readers.add({
      ...{ blob: this, from, to },
      check: () => this.sources.check(asked),
      goOn: (how) => goAlone(this.#aloneFor(asked), how),
    });
    if (to === undefined) this.#fronts.wantWhole();
    return reader;
  }

  /**
   * Resolves once an answer to the reader should begin. Throws what ended the download or the reader
   * before that.
   */
  async begin(reader: TailReader, signal: AbortSignal): Promise<void> {
    for (;;) {
      reader.check();
      const { want } = reader;
      const { ended } = this.progress;
      // All can still be had of a file that failed: from it, or from where it stops.
      const isLost = ended instanceof Error && !isDownloadError(ended, "DISK");
      const isThere = this.progress.hasNewsFor(want) || (ended !== undefined && !isLost);
      if (this.#answer !== undefined && (isThere || this.#answer.isDue)) return;
      if (ended instanceof Error) throw ended;
      await this.wait(want, signal);
    }
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#draft.read(buffer, position, this.readers.size > 1);
  }

  async wait(want: Want, signal: AbortSignal): Promise<void> {
    this.#draft.awaited(want.start);
    this.#fronts.want(want);
    await this.progress.wait(want, signal);
  }

  /** Fetches until it is kept or discarded; to be called once. Never rejects. */
  async run(): Promise<void> {
    this.#parts.observe({ kind: "downloadStarted", ...placeOf(this.sources.first) });
    try {
      await this.#draft.takeUp(resumptionId(this.sources.first));
      this.progress.addLeft(this.#draft.left);
      await this.#fronts.run();
      await this.#verify();
      await this.#keep();
    } catch (error) {
      this.#fail(this.#stop.signal.aborted ? this.#stop.signal.reason : error);
    }
    this.#stopPatience?.();
    this.#attend?.();
    await this.#early.drop();
    await this.#draft.leave(this.#idForNext());
  }

  abandon(): void {
    this.#stop.abort(new DownloadError("ABANDONED", `nobody waits for ${this.digest} any more`));
  }

  /** The upstream has let us in: what an earlier download left from there may go out. */
  #begun({ total, headers }: OpenedBlob): void {
    if (total !== undefined) this.#declare(total);
    if (this.#draft.left.length > 0) this.sources.hasDelivered(this.sources.first);
    this.#draft.goOn();
    if (this.#answer === undefined) this.#beginAnswers(headers);
    this.progress.admit();
  }

  #beginAnswers(headers: HeaderList): void {
    const answer = { mediaType: headerValue(headers, "content-type"), isDue: false };
    this.#answer = answer;
    this.#stopPatience = this.#parts.clock.after(patience, () => {
      answer.isDue = true;
      this.progress.wake();
    });
    this.progress.wake();
  }

  #declare(total: number): void {
    if ((this.#draft.left.at(-1)?.end ?? 0) > total)
      throw new DownloadError("WRONG_LENGTH", `more than all of ${this.digest} was left`);
    this.progress.declare(total);
    this.#draft.declare(total);
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    const { progress } = this;
    const isFirst = progress.received === 0;
    await this.#draft.write(bytes, position, () => progress.add(position, position + bytes.length));
    if (this.#draft.isPassing && this.readers.isEmpty) this.abandon();
    if (isFirst || (!this.#fronts.isWhole && progress.isHalf)) this.#fronts.consider();
  }

  /** Stops the download, which is told of once; what was written can be read on. */
  #fileFailed(cause: unknown): void {
    if (this.#stop.signal.aborted) return;
    if (!isDownloadError(cause, "DISK")) this.#parts.observe({ kind: "diskFailed", error: cause });
    this.#stop.abort(new DownloadError("DISK", "the file of the download failed", { cause }));
  }

  async #verify(): Promise<void> {
    this.#stop.signal.throwIfAborted();
    const isRight = await this.#draft.isRight();
    this.#stop.signal.throwIfAborted();
    if (!isRight) throw new DownloadError("WRONG_DIGEST", `what came is not ${this.digest}`);
    this.progress.complete();
  }

  /** The readers have everything already; a disk that fails now costs only the copy. */
  async #keep(): Promise<void> {
    const { books, observe, mayStay } = this.#parts;
    const isOnlyLent = this.sources.isArchived && !mayStay(this.digest, this.progress.written);
    try {
      if (isOnlyLent || !(await this.#draft.commit())) return;
      const { deliverer, isPatchwork, isAnonymous } = this.sources;
      const stored = { ...placeOf(deliverer), size: this.progress.written, isPatchwork };
      books.stored({ ...stored, isAnonymous });
      observe({ kind: "blobStored", ...stored });
    } catch (error) {
      observe({ kind: "diskFailed", error });
    }
  }

  #fail(error: Error): void {
    const { observe } = this.#parts;
    this.progress.fail(error);
    if (isDownloadError(error, "DISK")) return;
    if (isDownloadError(error, "WRONG_DIGEST", "WRONG_LENGTH")) this.#wrongBytes();
    const what = { ...placeOf(this.sources.first), received: this.progress.received };
    const isRest = isDownloadError(error, "ABANDONED") && !this.#fronts.isWhole;
    if (isRest) observe({ kind: "downloadSetAside", ...what });
    else observe({ kind: "downloadFailed", ...what, error });
  }

  #wrongBytes(): void {
    this.#parts.observe({ kind: "blobCorrupted", digest: this.digest, foundBy: "download" });
    if (this.sources.isArchived) this.#parts.suspect(this.digest);
  }

  /** Nobody reads it any more. What is not kept is of no use to anybody else. */
  #deserted(): void {
    if (this.progress.ended !== undefined) return;
    if (this.#draft.isPassing) this.abandon();
    else this.#leaveAlone();
  }

  /** All of it is fetched then, within limits; with parts alone it waits for who wants more. */
  #leaveAlone(): void {
    const { detached, idle } = this.#parts;
    this.#attend?.();
    this.#attend = (this.#fronts.isWhole ? detached : idle).add(this);
  }

  /** Under which id the next download finds what there is; undefined when it must not. */
  #idForNext(): string | undefined {
    // What leads to nothing the upstream has would stand in everybody's way for ever.
    const isBarren = this.#answer !== undefined && !this.#draft.hasGrown;
    if (isBarren || !leavesBytesGood(this.progress.ended)) return undefined;
    return this.sources.isPatchwork ? undefined : resumptionId(this.sources.deliverer);
  }

  #aloneFor(source: Source): Alone {
    const { digest, progress } = this;
    const open: Alone["upstream"]["open"] = (...ask) => this.#parts.open(source, ...ask);
    const upstream = { ...this.#upstream(source), open, size: progress.size };
    return { digest, draft: this.#draft, upstream };
  }

  /** What all requests for these bytes have in common. */
  #upstream(source: Source) {
    const { clock, observe } = this.#parts;
    const onBreak = (what: Break): void =>
      observe({ kind: "downloadResumed", ...placeOf(this.sources.first), ...what });
    return { host: source.registry.name, clock, onBreak };
  }

  get #isDone(): boolean {
    return this.#draft.hashed === this.progress.size;
  }
}
