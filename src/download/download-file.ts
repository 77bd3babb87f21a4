/**
 * The file of one download, published as it grows. A disk that fails stops the download and is told
 * of once; what was written before can be read on.
 */
import { DownloadError, isDownloadError } from "./download-error.ts";
import type { ObserveDownloads } from "./download-event.ts";
import type { HashedDraft } from "./hashed-draft.ts";
import type { Progress } from "./progress.ts";

export type DownloadFileParts = {
  readonly draft: HashedDraft;
  readonly mark: Pick<Progress, "advance">;
  /** Ends the download. */
  readonly stop: AbortController;
  readonly observe: ObserveDownloads;
};

export class DownloadFile {
  readonly #parts: DownloadFileParts;

  constructor(parts: DownloadFileParts) {
    this.#parts = parts;
  }

  /** Throws StoreError or DownloadError. */
  async append(batch: Uint8Array): Promise<void> {
    const { draft, mark } = this.#parts;
    await this.#orStop(draft.append(batch));
    mark.advance(draft.written);
  }

  /** Makes use of what an earlier download left. Throws StoreError, or why the download was stopped. */
  async goOn(): Promise<void> {
    const { draft, mark, stop } = this.#parts;
    const publish = (): void => {
      stop.signal.throwIfAborted();
      mark.advance(draft.written);
    };
    await this.#orStop(draft.goOn(publish));
  }

  /** Throws StoreError. */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    const { draft } = this.#parts;
    try {
      return await draft.read(buffer, position);
    } catch (error) {
      // What cannot be read back must not be kept; what passes is gone for who is slow, not for all.
      if (!draft.isPassing) this.#stop(error);
      throw error;
    }
  }

  async #orStop(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#stop(error);
      throw error;
    }
  }

  #stop(cause: unknown): void {
    const { stop, observe } = this.#parts;
    if (stop.signal.aborted) return;
    if (!isDownloadError(cause, "DISK")) observe({ kind: "diskFailed", error: cause });
    stop.abort(new DownloadError("DISK", "the file of the download failed", { cause }));
  }
}
