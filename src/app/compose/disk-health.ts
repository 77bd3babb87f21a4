/**
 * Whether the disk takes what it is given. From its first failure the program calls itself degraded,
 * until something is kept again or a trial write, made every other second, succeeds. While the disk
 * is left alone (cache/write-breaker.ts) it stays so.
 */
import { tryWrite } from "../../cache/keeping/write-breaker.ts";
import type { DraftStore } from "../../store/draft-store.ts";

export type DiskHealthOptions = {
  readonly blobs: Pick<DraftStore, "create">;
  /** Whether the disk is left alone for now: somebody else tries it then, less often. */
  readonly isPaused: () => boolean;
  /** Milliseconds between two trials; 2 s. */
  readonly interval?: number;
};

export class DiskHealth {
  readonly #options: DiskHealthOptions;
  #reason: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DiskHealthOptions) {
    this.#options = options;
  }

  /** Sentences for `/readyz`; none while all is well. */
  get degraded(): readonly string[] {
    return this.#reason === undefined ? [] : [this.#reason];
  }

  /** Whether it takes what it is given, as far as is known. */
  get isWell(): boolean {
    return this.#reason === undefined && !this.#options.isPaused();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Something could not be written. */
  failed(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#reason = `the disk fails (${why}); pulls go on, but nothing new is kept`;
    const { interval = 2_000 } = this.#options;
    this.#timer ??= setInterval(() => void this.#try(), interval).unref();
  }

  /** Something was written and kept. */
  recovered(): void {
    this.#reason = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #try(): Promise<void> {
    if (this.#options.isPaused()) return;
    try {
      await tryWrite(this.#options.blobs);
      this.recovered();
    } catch {
      // Still so; the next trial tells.
    }
  }
}
