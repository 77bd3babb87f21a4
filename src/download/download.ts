/**
 * One download that feeds many readers, who may come late or leave early. It appends to a file,
 * hashes as it goes and publishes how far it is; it ends verified and kept, or leaves nothing.
 *
 *     upstream ──▶ healing body ──▶ batches ──▶ file and hash ──▶ mark
 *                                                  │                │ wakes who is due
 *                                                  └──▶ reader, reader, reader …
 */
import type { Digest } from "../protocol/digest.ts";
import type { HeaderList } from "../protocol/http/header-list.ts";
import type { Clock } from "../runtime/clock.ts";
import type { DraftStore } from "../store/draft-store.ts";
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import { Batches } from "./batches.ts";
import type { Bookkeeping } from "./bookkeeping.ts";
import { DownloadError, isDownloadError } from "./download-error.ts";
import type { ObserveDownloads } from "./download-event.ts";
import { DownloadFile } from "./download-file.ts";
import { HashedDraft } from "./hashed-draft.ts";
import { OwnRange } from "./own-range.ts";
import { Progress } from "./progress.ts";
import { ReaderSet } from "./reader-set.ts";
import { type Break, ResumingBody } from "./resuming-body.ts";
import { leavesBytesGood, resumptionLabel } from "./resumption.ts";
import type { Source } from "./source.ts";
import { Sources } from "./sources.ts";
import type { TailReader } from "./tail-reader.ts";
import type { OpenBody } from "./upstream-body.ts";

/** An answer begins so long after the upstream's headers, even without a byte to release. */
const patience = 5_000;

const mostBytes = { blob: Number.MAX_SAFE_INTEGER, manifest: 4 * 1024 * 1024 };

export type DownloadParts = {
  readonly open: OpenBody;
  /** Larger blobs are passed on and not kept. */
  readonly mostKept: number;
  readonly blobs: DraftStore;
  readonly books: Bookkeeping;
  readonly observe: ObserveDownloads;
  readonly clock: Clock;
};

export class Download {
  readonly digest: Digest;
  readonly kind: Source["kind"];
  readonly first: Source;
  /** In whose name the upstream is asked. */
  readonly sources: Sources;
  readonly audience: ReaderSet;
  /** How far it is. */
  readonly mark = new Progress(
    (buffer, position) => this.#file.read(buffer, position),
    (position) => this.#draft.awaited(position),
  );
  readonly #parts: DownloadParts & { readonly onDeserted: () => void };
  readonly #stop = new AbortController();
  readonly #draft: HashedDraft;
  readonly #file: DownloadFile;
  #headers: HeaderList | undefined;
  #isAnswerDue = false;
  #stopPatience: (() => void) | undefined;

  /** `onDeserted` is called when the last reader leaves and bytes still come. */
  constructor(first: Source, parts: DownloadParts & { readonly onDeserted: () => void }) {
    this.digest = first.digest;
    this.kind = first.kind;
    this.#parts = parts;
    const { blobs, mostKept, observe } = parts;
    this.#draft = new HashedDraft({
      ...{ digest: first.digest, blobs, mostKept, signal: this.#stop.signal },
      onTooLarge: (size) => observe({ kind: "blobTooLarge", ...this.#place, size }),
    });
    const { mark } = this;
    this.#file = new DownloadFile({ draft: this.#draft, mark, stop: this.#stop, observe });
    this.sources = new Sources(parts.open, () => this.mark.wake());
    this.first = this.sources.join(first);
    this.audience = new ReaderSet(
      () => this.#draft.close(),
      () => this.mark.ended === undefined && this.#deserted(),
    );
  }

  /** Whether a new reader can still get all of it here. */
  get isJoinable(): boolean {
    const { ended } = this.mark;
    return ended === "complete" || (ended === undefined && !this.#stop.signal.aborted);
  }

  /** A reader in the name of `source`; nothing completes for it at another length than expected. */
  reader(source: Source, expectedSize: number | undefined): TailReader {
    const asked = this.sources.join(source);
    return this.audience.seat({
      growing: this.mark,
      check: () => {
        const refusal = this.sources.refusalOf(asked);
        if (refusal !== undefined) throw refusal;
        const size = this.mark.size ?? expectedSize;
        if (expectedSize === undefined || size === expectedSize) return;
        throw new DownloadError("WRONG_LENGTH", `${size} bytes where ${expectedSize} are expected`);
      },
      goOn: (from, position) => this.#ownRange(asked, from, position),
    });
  }

  /**
   * The upstream's headers, once an answer that starts at `from` (negative: counted from the end)
   * should begin. Throws what ended the download or the reader before that.
   */
  async begin(reader: TailReader, from: number, signal: AbortSignal): Promise<HeaderList> {
    for (;;) {
      reader.check();
      const end = this.mark.size ?? Number.POSITIVE_INFINITY;
      const position = from < 0 ? Math.max(0, end + from) : from;
      const isDue = this.#isAnswerDue || position < this.mark.released || this.#isServable;
      if (this.#headers !== undefined && isDue) return this.#headers;
      if (this.mark.ended instanceof Error) throw this.mark.ended;
      await this.mark.wait(position, signal);
    }
  }

  /** Fetches until it is kept or discarded; to be called once. Never rejects. */
  async run(): Promise<void> {
    this.#parts.observe({ kind: "downloadStarted", ...this.#place });
    try {
      await this.#receive();
      this.#verify();
      await this.#keep();
    } catch (error) {
      this.#fail(this.#stop.signal.aborted ? this.#stop.signal.reason : error);
    }
    this.#stopPatience?.();
    await this.#draft.leave(this.#heir());
  }

  abandon(): void {
    this.#stop.abort(new DownloadError("ABANDONED", `nobody waits for ${this.digest} any more`));
  }

  async #receive(): Promise<void> {
    const signal = this.#stop.signal;
    const batches = new Batches((batch) => this.#append(batch), this.#parts.clock);
    const body = new ResumingBody({
      ...this.#healing(this.first),
      open: (offset) => this.sources.open(offset, signal),
      from: await this.#draft.takeUp(resumptionLabel(this.first)),
      size: undefined,
      isUnderway: false,
      onOpened: (opened) => this.#opened(opened),
      signal,
    });
    try {
      for await (const chunk of body) {
        if (this.#draft.hasLeft) await this.#goOn();
        await batches.put(chunk);
      }
      if (this.#draft.hasLeft) await this.#goOn();
      await batches.drain();
    } finally {
      await batches.stop();
    }
  }

  #opened({ total, headers }: OpenedBlob): void {
    if (total !== undefined) {
      this.mark.declare(total);
      this.#draft.declare(total);
    }
    if (this.#headers !== undefined) return;
    this.#headers = headers;
    this.#stopPatience = this.#parts.clock.after(patience, () => {
      this.#isAnswerDue = true;
      this.mark.wake();
    });
    this.mark.wake();
  }

  /** The upstream has let us in: what an earlier download brought from there may go out. */
  async #goOn(): Promise<void> {
    this.sources.hasDelivered(this.first);
    await this.#file.goOn();
  }

  async #append(batch: Uint8Array): Promise<void> {
    await this.#file.append(batch);
    if (this.#draft.isPassing && this.audience.isEmpty) this.abandon();
  }

  /** What is not kept is of no use to anybody else. */
  #deserted(): void {
    if (this.#draft.isPassing) this.abandon();
    else this.#parts.onDeserted();
  }

  #verify(): void {
    this.#stop.signal.throwIfAborted();
    if (!this.#draft.isRight())
      throw new DownloadError("WRONG_DIGEST", `what came is not ${this.digest}`);
    this.mark.complete();
  }

  /** The readers have everything already; a disk that fails now costs only the copy. */
  async #keep(): Promise<void> {
    try {
      if (!(await this.#draft.commit())) return;
      const { deliverer = this.first, isPatchwork } = this.sources;
      const { registry, repository, digest } = deliverer;
      const size = this.mark.written;
      const stored = { registry: registry.name, repository, digest, size, isPatchwork };
      this.#parts.books.stored(stored);
      this.#parts.observe({ kind: "blobStored", ...stored });
    } catch (error) {
      this.#parts.observe({ kind: "diskFailed", error });
    }
  }

  #fail(error: Error): void {
    const { observe } = this.#parts;
    this.mark.fail(error);
    if (isDownloadError(error, "DISK")) return;
    if (isDownloadError(error, "WRONG_DIGEST", "WRONG_LENGTH")) {
      observe({ kind: "blobCorrupted", digest: this.digest, foundBy: "download" });
    }
    observe({ kind: "downloadFailed", ...this.#place, received: this.mark.written, error });
  }

  /** Under which label the next download finds what there is; undefined when it must not. */
  #heir(): string | undefined {
    const { deliverer = this.first, isPatchwork } = this.sources;
    // What leads to nothing the upstream has would stand in everybody's way for ever.
    const isBarren = this.#headers !== undefined && !this.#draft.hasGrown;
    if (isBarren || isPatchwork || !leavesBytesGood(this.mark.ended)) return undefined;
    return resumptionLabel(deliverer);
  }

  /** What one reader at `position` goes on with alone: from the mark, or before where the file cannot be read. */
  #ownRange(source: Source, from: "mark" | "before", position: number): OwnRange {
    const given = this.#draft.end();
    return new OwnRange({
      digest: this.digest,
      start: from === "mark" ? given : this.#draft.before(position),
      given,
      readFile: this.mark.read,
      upstream: {
        ...this.#healing(source),
        open: (offset, signal) => this.#parts.open(source, offset, signal),
        size: this.mark.size,
      },
    });
  }

  /** What all requests for these bytes have in common. */
  #healing(source: Source) {
    return {
      host: source.registry.name,
      most: mostBytes[source.kind],
      clock: this.#parts.clock,
      onBreak: (what: Break) =>
        this.#parts.observe({ kind: "downloadResumed", ...this.#place, ...what }),
    };
  }

  /** It is over, and yet all of it can be had: from the file, or from where that stops. */
  get #isServable(): boolean {
    return this.mark.ended === "complete" || isDownloadError(this.mark.ended, "DISK");
  }

  get #place() {
    const { registry, repository, digest } = this.first;
    return { registry: registry.name, repository, digest };
  }
}
