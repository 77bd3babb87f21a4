/**
 * One client's view of growing bytes. It reads the file as far as it may and waits for more, so it
 * may start late, at any offset, stop for an hour or leave, and costs the download nothing. When
 * the file cannot grow or be read any more, it goes on by a way of its own and nobody notices.
 */
import { StoreError } from "../store/store-error.ts";
import type { ByteSource } from "./byte-source.ts";
import { DownloadError } from "./download-error.ts";
import type { GrowingBlob } from "./growing-blob.ts";
import type { OwnRange } from "./own-range.ts";

export type TailReaderParts = {
  readonly blob: GrowingBlob;
  /** Throws when this reader may have no more. */
  readonly check: () => void;
  /** The way on from `position` when the file fails: from its end when it cannot grow, from before when it cannot be read. */
  readonly goOn: ((from: "end" | "before", position: number) => OwnRange) | undefined;
  /** Called once, when the reader has gone. */
  readonly onClosed: () => void;
};

export class TailReader implements ByteSource {
  readonly #parts: TailReaderParts;
  #own: OwnRange | undefined;
  #isClosed = false;

  constructor(parts: TailReaderParts) {
    this.#parts = parts;
  }

  get size(): number | undefined {
    return this.#parts.blob.progress.size ?? this.#own?.size;
  }

  async read(buffer: Uint8Array, position: number, signal: AbortSignal): Promise<number> {
    for (;;) {
      this.check();
      try {
        if (this.#own !== undefined) return await this.#own.read(buffer, position, signal);
        return await this.#readGrowing(buffer, position, signal);
      } catch (error) {
        const from = remedy(error);
        if (from === undefined || this.#parts.goOn === undefined) throw error;
        await this.#own?.close();
        this.#own = this.#parts.goOn(from, position);
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

  async #readGrowing(buffer: Uint8Array, position: number, signal: AbortSignal): Promise<number> {
    const { blob } = this.#parts;
    const { progress } = blob;
    while (position >= progress.released) {
      if (progress.ended === "complete") return 0;
      if (progress.ended !== undefined) throw progress.ended;
      await blob.wait(position, signal);
      this.check();
    }
    const length = Math.min(buffer.length, progress.released - position);
    return await blob.read(buffer.subarray(0, length), position);
  }
}

/** From where a reader can go on by itself after this; undefined when it cannot. */
function remedy(error: unknown): "end" | "before" | undefined {
  if (error instanceof DownloadError && error.code === "DISK") return "end";
  return error instanceof StoreError ? "before" : undefined;
}
