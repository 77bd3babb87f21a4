/**
 * One download that feeds many readers, who may come late or leave early. It appends to a file,
 * hashes as it goes and publishes how far it is; it ends verified and kept, or leaves nothing.
 *
 *     sources ──▶ resuming body ──▶ batches ──▶ file and hash ──▶ progress
 *                                                   │                │ wakes who is due
 *                                                   └──▶ reader, reader, reader …
 */
import type { Digest } from "../protocol/digest.ts";
import type { Clock } from "../runtime/clock.ts";
import type { DraftStore } from "../store/draft-store.ts";
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import { AnswerStart } from "./answer-start.ts";
import { Batches } from "./batches.ts";
import type { Bookkeeping } from "./bookkeeping.ts";
import type { DetachedDownloads } from "./detached-downloads.ts";
import { DownloadError, isDownloadError, leavesBytesGood } from "./download-error.ts";
import type { ObserveDownloads } from "./download-event.ts";
import type { GrowingBlob } from "./growing-blob.ts";
import { HashedDraft } from "./hashed-draft.ts";
import { OwnRange } from "./own-range.ts";
import { Progress } from "./progress.ts";
import { type Break, ResumingBody } from "./resuming-body.ts";
import { type OpenSource, placeOf, resumptionId, type Source, Sources } from "./sources.ts";
import { ReaderSet, type TailReader } from "./tail-reader.ts";

export type DownloadParts = {
  readonly open: OpenSource;
  readonly blobs: DraftStore;
  /** Larger blobs are passed on and not kept. */
  readonly mostKept: number;
  readonly onTooLarge: (digest: Digest) => void;
  /** Where it goes on when its last reader has left. */
  readonly detached: DetachedDownloads;
  readonly books: Bookkeeping;
  readonly observe: ObserveDownloads;
  readonly clock: Clock;
};

export class Download implements GrowingBlob {
  readonly digest: Digest;
  readonly progress = new Progress();
  /** In whose name the upstream is asked. */
  readonly sources: Sources;
  readonly readers: ReaderSet;
  readonly #parts: DownloadParts;
  readonly #draft: HashedDraft;
  readonly #stop = new AbortController();
  readonly #start: AnswerStart;

  constructor(first: Source, parts: DownloadParts) {
    const { digest } = first;
    const { open, blobs, mostKept, onTooLarge, observe } = parts;
    this.digest = digest;
    this.#parts = parts;
    const wake = (): void => this.progress.wake();
    this.#start = new AnswerStart(parts.clock, wake);
    this.sources = new Sources(first, open, wake);
    this.#draft = new HashedDraft({
      ...{ digest, blobs, mostKept, signal: this.#stop.signal },
      onTooLarge: (size) => {
        onTooLarge(digest);
        observe({ kind: "blobTooLarge", ...placeOf(first), size });
      },
      onFailed: (error) => this.#fileFailed(error),
    });
    this.readers = new ReaderSet(
      () => this.#draft.close(),
      () => this.#deserted(),
    );
  }

  /** Whether a new reader can still get all of it here. */
  get isJoinable(): boolean {
    const { ended } = this.progress;
    return ended === "complete" || (ended === undefined && !this.#stop.signal.aborted);
  }

  /** As the upstream names it, once an answer can begin. */
  get mediaType(): string | undefined {
    return this.#start.mediaType;
  }

  /** A reader in the name of `source`. */
  join(source: Source): TailReader {
    const asked = this.sources.join(source);
    this.#parts.detached.remove(this);
    return this.readers.add({
      blob: this,
      check: () => this.sources.check(asked),
      goOn: (from, position) => this.#ownRange(asked, from, position),
    });
  }

  /**
   * Resolves once an answer that starts at `from` should begin. Throws what ended the download or
   * the reader before that.
   */
  async begin(reader: TailReader, from: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      reader.check();
      const hasByte = from < this.progress.released || this.#isServable;
      if (this.#start.mayBegin(hasByte)) return;
      if (this.progress.ended instanceof Error) throw this.progress.ended;
      await this.wait(from, signal);
    }
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    return await this.#draft.read(buffer, position);
  }

  async wait(position: number, signal: AbortSignal): Promise<void> {
    this.#draft.awaited(position);
    await this.progress.wait(position, signal);
  }

  /** Fetches until it is kept or discarded; to be called once. Never rejects. */
  async run(): Promise<void> {
    this.#parts.observe({ kind: "downloadStarted", ...placeOf(this.sources.first) });
    try {
      await this.#receive();
      this.#verify();
      await this.#keep();
    } catch (error) {
      this.#fail(this.#stop.signal.aborted ? this.#stop.signal.reason : error);
    }
    this.#start.stop();
    this.#parts.detached.remove(this);
    await this.#draft.leave(this.#idForNext());
  }

  abandon(): void {
    this.#stop.abort(new DownloadError("ABANDONED", `nobody waits for ${this.digest} any more`));
  }

  async #receive(): Promise<void> {
    const signal = this.#stop.signal;
    const batches = new Batches((batch) => this.#append(batch), this.#parts.clock);
    const body = new ResumingBody({
      ...this.#resumingAsk(this.sources.first),
      open: (offset) => this.sources.open(offset, signal),
      from: await this.#draft.takeUp(resumptionId(this.sources.first)),
      size: undefined,
      isUnderway: false,
      onOpened: (opened) => this.#begun(opened),
      signal,
    });
    try {
      for await (const chunk of body) {
        await this.#publishLeft();
        await batches.put(chunk);
      }
      await this.#publishLeft();
      await batches.drain();
    } finally {
      await batches.stop();
    }
  }

  #begun({ total, headers }: OpenedBlob): void {
    if (total !== undefined) {
      this.progress.declare(total);
      this.#draft.declare(total);
    }
    this.#start.open(headers);
  }

  /** The upstream has let us in: what an earlier download left from there may go out. */
  async #publishLeft(): Promise<void> {
    if (!this.#draft.hasLeft) return;
    this.sources.hasDelivered(this.sources.first);
    await this.#draft.goOn(() => {
      this.#stop.signal.throwIfAborted();
      this.progress.advance(this.#draft.written);
    });
  }

  async #append(batch: Uint8Array): Promise<void> {
    await this.#draft.append(batch);
    this.progress.advance(this.#draft.written);
    if (this.#draft.isPassing && this.readers.isEmpty) this.abandon();
  }

  /** Stops the download, which is told of once; what was written can be read on. */
  #fileFailed(cause: unknown): void {
    if (this.#stop.signal.aborted) return;
    if (!isDownloadError(cause, "DISK")) this.#parts.observe({ kind: "diskFailed", error: cause });
    this.#stop.abort(new DownloadError("DISK", "the file of the download failed", { cause }));
  }

  #verify(): void {
    this.#stop.signal.throwIfAborted();
    if (!this.#draft.isRight())
      throw new DownloadError("WRONG_DIGEST", `what came is not ${this.digest}`);
    this.progress.complete();
  }

  /** The readers have everything already; a disk that fails now costs only the copy. */
  async #keep(): Promise<void> {
    const { books, observe } = this.#parts;
    try {
      if (!(await this.#draft.commit())) return;
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
    if (isDownloadError(error, "WRONG_DIGEST", "WRONG_LENGTH"))
      observe({ kind: "blobCorrupted", digest: this.digest, foundBy: "download" });
    observe({
      kind: "downloadFailed",
      ...placeOf(this.sources.first),
      received: this.progress.written,
      error,
    });
  }

  /** Nobody reads it any more. What is not kept is of no use to anybody else. */
  #deserted(): void {
    if (this.progress.ended !== undefined) return;
    if (this.#draft.isPassing) this.abandon();
    else this.#parts.detached.add(this);
  }

  /** Under which id the next download finds what there is; undefined when it must not. */
  #idForNext(): string | undefined {
    // What leads to nothing the upstream has would stand in everybody's way for ever.
    const isBarren = this.#start.isOpen && !this.#draft.hasGrown;
    if (isBarren || !leavesBytesGood(this.progress.ended)) return undefined;
    return this.sources.isPatchwork ? undefined : resumptionId(this.sources.deliverer);
  }

  /** How one reader goes on alone: from the file's end, or from before where it cannot be read. */
  #ownRange(source: Source, from: "end" | "before", position: number): OwnRange {
    const given = this.#draft.end();
    return new OwnRange({
      digest: this.digest,
      start: from === "end" ? given : this.#draft.before(position),
      given,
      readFile: (buffer, at) => this.read(buffer, at),
      upstream: {
        ...this.#resumingAsk(source),
        open: (offset, signal) => this.#parts.open(source, offset, signal),
        size: this.progress.size,
      },
    });
  }

  /** What all requests for these bytes have in common. */
  #resumingAsk(source: Source) {
    const { clock, observe } = this.#parts;
    const onBreak = (what: Break): void =>
      observe({ kind: "downloadResumed", ...placeOf(this.sources.first), ...what });
    return { host: source.registry.name, clock, onBreak };
  }

  /** It is over, and yet all of it can be had: from the file, or from where that stops. */
  get #isServable(): boolean {
    return this.progress.ended === "complete" || isDownloadError(this.progress.ended, "DISK");
  }
}
