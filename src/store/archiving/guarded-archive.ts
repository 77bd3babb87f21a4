/**
 * The archive, told of and left alone when it fails: after five failures in a row nobody waits for it any
 * more, and one call in ten seconds finds out whether it is back.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { Clock } from "../../runtime/clock.ts";
import type {
  Archive,
  ArchivedBlob,
  ArchivedBytes,
  ArchivedStat,
  ArchiveRange,
  ToArchive,
} from "../archive.ts";
import { StoreError } from "../store-error.ts";
import type { ArchiveOperation, ObserveStore } from "../store-event.ts";

export type GuardedArchiveOptions = {
  readonly archive: Archive;
  readonly observe: ObserveStore;
  readonly clock: Pick<Clock, "steady">;
};

const most = 5;
/** Milliseconds that it is left alone. */
const rest = 10_000;

export class GuardedArchive implements Archive {
  readonly #options: GuardedArchiveOptions;
  #failures = 0;
  #failedAt = 0;
  #restsUntil = 0;
  #last: unknown;

  constructor(options: GuardedArchiveOptions) {
    this.#options = options;
  }

  get identity(): string {
    return this.#options.archive.identity;
  }

  /** Sentences for `/readyz`; none while it works, as far as is known. */
  get degraded(): readonly string[] {
    if (this.#failures < most) return [];
    return [`${reasonOf(this.#last)}; pulls go on without it, and pushes here wait for it`];
  }

  put(blob: ToArchive, signal: AbortSignal): Promise<void> {
    return this.#call("put", signal, (archive) => archive.put(blob, signal));
  }

  stat(digest: Digest, signal: AbortSignal): Promise<ArchivedStat | undefined> {
    return this.#call("stat", signal, (archive) => archive.stat(digest, signal));
  }

  async open(
    digest: Digest,
    range: ArchiveRange,
    signal: AbortSignal,
  ): Promise<ArchivedBytes | undefined> {
    const opened = await this.#call("open", signal, (archive) =>
      archive.open(digest, range, signal),
    );
    return opened && { ...opened, body: this.#heard(opened.body, signal) };
  }

  /** Throws while it rests: whoever has the link would find nobody there. */
  linkTo(digest: Digest): Promise<string> {
    if (this.#failures >= most) return Promise.reject(this.#restsError());
    return this.#options.archive.linkTo(digest);
  }

  delete(digest: Digest, signal: AbortSignal): Promise<void> {
    return this.#call("delete", signal, (archive) => archive.delete(digest, signal));
  }

  async *list(signal: AbortSignal): AsyncIterable<ArchivedBlob> {
    const all = this.#options.archive.list(signal)[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await this.#call("list", signal, () => all.next());
      if (done === true) return;
      yield value;
    }
  }

  dropUnfinished(before: number, signal: AbortSignal): Promise<number> {
    return this.#call("tidy", signal, (archive) => archive.dropUnfinished(before, signal));
  }

  close(): void {
    this.#options.archive.close();
  }

  async #call<Result>(
    operation: ArchiveOperation,
    signal: AbortSignal,
    work: (archive: Archive) => Promise<Result>,
  ): Promise<Result> {
    const { archive, clock, observe } = this.#options;
    const started = clock.steady();
    this.#letThrough(started);
    const about = () => ({ operation, milliseconds: clock.steady() - started });
    try {
      const result = await work(archive);
      observe({ kind: "archiveAsked", ...about() });
      // What was opened has shown nothing yet.
      if (operation !== "open" || result === undefined) this.#worked();
      return result;
    } catch (error) {
      if (signal.aborted) throw error;
      observe({ kind: "archiveAsked", ...about(), error });
      this.#failed(error);
      throw error;
    }
  }

  /** One call finds out; the others are told at once. */
  #letThrough(now: number): void {
    if (this.#failures < most) return;
    if (now < this.#restsUntil) throw this.#restsError();
    this.#restsUntil = now + rest;
  }

  #restsError(): StoreError {
    const sentence = `${reasonOf(this.#last)}; it is asked again in a few seconds`;
    return new StoreError("ARCHIVE", sentence, { cause: this.#last });
  }

  #worked(): void {
    const { clock, observe } = this.#options;
    if (this.#failures >= most)
      observe({ kind: "archiveBack", milliseconds: clock.steady() - this.#failedAt });
    this.#failures = 0;
  }

  #failed(error: unknown): void {
    const { clock, observe } = this.#options;
    this.#last = error;
    this.#failures += 1;
    if (this.#failures >= most) this.#restsUntil = clock.steady() + rest;
    if (this.#failures !== most) return;
    this.#failedAt = clock.steady();
    observe({ kind: "archiveLost", error, retryIn: rest });
  }

  async *#heard(body: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    try {
      yield* body;
      this.#worked();
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
      throw error;
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
