/**
 * One client's view of growing bytes. It reads the file as far as it may and waits for more, so it
 * may start late, at any offset, stop for an hour or leave, and costs the download nothing. When
 * the file cannot grow or be read any more, it goes on by a way of its own and nobody notices.
 */
import { StoreError } from "../store/store-error.ts";
import type { Lonely } from "./alone.ts";
import type { BytePlace, ByteSource } from "./byte-source.ts";
import { DownloadError } from "./download-error.ts";
import type { GrowingBlob } from "./growing-blob.ts";
import type { OwnWay } from "./own-way.ts";
import type { Want } from "./progress.ts";

export type TailReaderParts = {
  readonly blob: GrowingBlob;
  /** The first byte it wants, and the last but one, if it is not all there is. */
  readonly from?: number;
  readonly to?: number | undefined;
  /** Throws when this reader may have no more. */
  readonly check: () => void;
  /** The way on when the file fails: from its end when it cannot grow, from before when it cannot be read. */
  readonly goOn: ((how: Lonely) => Promise<OwnWay>) | undefined;
  /** Called once, when the reader has gone. */
  readonly onClosed: () => void;
};

export class TailReader implements ByteSource {
  readonly #parts: TailReaderParts;
  #own: OwnWay | undefined;
  #position: number;
  #isClosed = false;

  constructor(parts: TailReaderParts) {
    this.#parts = parts;
    this.#position = parts.from ?? 0;
  }

  /** What it has not read yet. Only what is known to be no complete body is a part. */
  get want(): Want {
    const { blob, from = 0, to } = this.#parts;
    const start = this.#position;
    const isWithin = to !== undefined && start >= from && start < to;
    const isPart = isWithin && from > 0 && blob.progress.size !== undefined;
    return { start, end: isWithin ? to : undefined, isPart };
  }

  get size(): number | undefined {
    return this.#parts.blob.progress.size ?? this.#own?.size;
  }

  get place(): BytePlace {
    return { kind: "growing", blob: this.#parts.blob };
  }

  async read(buffer: Uint8Array, position: number, signal: AbortSignal): Promise<number> {
    this.#position = position;
    for (;;) {
      this.check();
      try {
        if (this.#own !== undefined) return await this.#own.read(buffer, position, signal);
        return await this.#readGrowing(buffer, signal);
      } catch (error) {
        const where = remedy(error);
        if (where === undefined || this.#parts.goOn === undefined) throw error;
        const from = Math.min(position, this.#parts.from ?? 0);
        await this.#change(() => this.#parts.goOn?.({ where, want: this.want, from }));
      }
    }
  }

  /** Throws when this reader may have no more. */
  check(): void {
    if (this.#isClosed) throw new DownloadError("ABANDONED", "the reader was closed");
    this.#parts.check();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.onClosed();
    await this.#own?.close();
  }

  async #change(next: () => Promise<OwnWay> | undefined): Promise<void> {
    await this.#own?.close();
    this.#own = await next();
    // The reader was closed meanwhile, and nobody else closes it.
    if (this.#isClosed) await this.#own?.close();
  }

  async #readGrowing(buffer: Uint8Array, signal: AbortSignal): Promise<number> {
    const { blob } = this.#parts;
    const { progress } = blob;
    const { start } = this.want;
    let released = progress.releasedFor(this.want);
    while (released === start) {
      if (progress.ended === "complete") return 0;
      if (progress.ended !== undefined) throw progress.ended;
      await blob.wait(this.want, signal);
      this.check();
      released = progress.releasedFor(this.want);
    }
    const length = Math.min(buffer.length, released - start);
    return await blob.read(buffer.subarray(0, length), start);
  }
}

/** From where a reader can go on by itself after this; undefined when it cannot. */
function remedy(error: unknown): "end" | "before" | undefined {
  if (error instanceof DownloadError && error.code === "DISK") return "end";
  return error instanceof StoreError ? "before" : undefined;
}

/** Everybody who reads one growing file. It closes when the last has gone and no more may come. */
export class ReaderSet {
  readonly #closeFile: () => Promise<void>;
  readonly #onDeserted: () => void;
  readonly #closed = Promise.withResolvers<void>();
  readonly #readers = new Set<TailReader>();
  #isJoinable = true;

  /** `onDeserted` is called when the last reader leaves while more may come. */
  constructor(closeFile: () => Promise<void>, onDeserted: () => void) {
    this.#closeFile = closeFile;
    this.#onDeserted = onDeserted;
  }

  /** Resolves when the file is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get size(): number {
    return this.#readers.size;
  }

  get isEmpty(): boolean {
    return this.#readers.size === 0;
  }

  /** What they have not read yet. */
  *wants(): IterableIterator<Want> {
    for (const { want } of this.#readers) yield want;
  }

  add(parts: Omit<TailReaderParts, "onClosed">): TailReader {
    const reader = new TailReader({ ...parts, onClosed: () => this.#remove(reader) });
    this.#readers.add(reader);
    return reader;
  }

  /** No more come; who is here stays as long as he likes. */
  endJoining(): void {
    if (!this.#isJoinable) return;
    this.#isJoinable = false;
    if (this.isEmpty) this.#close();
  }

  /** Closes every reader. */
  async dismiss(): Promise<void> {
    await Promise.all([...this.#readers].map((reader) => reader.close()));
  }

  #remove(reader: TailReader): void {
    this.#readers.delete(reader);
    if (!this.isEmpty) return;
    if (this.#isJoinable) this.#onDeserted();
    else this.#close();
  }

  #close(): void {
    this.#closed.resolve(this.#closeFile());
  }
}
