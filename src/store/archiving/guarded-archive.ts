/**
 * The archive, told of and left alone when it fails: after five failures in a row nobody waits for it any
 * more, and one call in ten seconds finds out whether it is back. What somebody waits for at the other end
 * of a pull has to come soon: where that fails, it is left alone though what may take its time goes well.
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
import { Breaker, rest } from "./breaker.ts";
import { inEarnest } from "./pace.ts";

export type GuardedArchiveOptions = {
  readonly archive: Archive;
  readonly observe: ObserveStore;
  readonly clock: Pick<Clock, "steady">;
};

/** What a pull waits for. */
const soon: ReadonlySet<ArchiveOperation> = new Set(["open", "stat"]);

export class GuardedArchive implements Archive {
  readonly #options: GuardedArchiveOptions;
  readonly #all = new Breaker();
  readonly #soon = new Breaker();
  #failedAt = 0;
  #last: unknown;

  constructor(options: GuardedArchiveOptions) {
    this.#options = options;
  }

  get identity(): string {
    return this.#options.archive.identity;
  }

  /** Sentences for `/readyz`; none while it works, as far as is known. */
  get degraded(): readonly string[] {
    if (!this.#isAway) return [];
    const pushes = this.#all.isOpen ? ", and pushes here wait for it" : "";
    return [`${reasonOf(this.#last)}; pulls go on without it${pushes}`];
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
    if (this.#isAway) return Promise.reject(this.#restsError());
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
    const breakers = this.#breakersOf(operation);
    // One call finds out; the others are told at once.
    if (!breakers.every((one) => one.mayCall(started))) throw this.#restsError();
    const about = () => ({ operation, milliseconds: clock.steady() - started });
    try {
      const result = await work(archive);
      observe({ kind: "archiveAsked", ...about() });
      // What was opened has shown nothing yet.
      if (operation !== "open" || result === undefined) this.#worked(breakers);
      return result;
    } catch (error) {
      if (signal.aborted) throw error;
      observe({ kind: "archiveAsked", ...about(), error });
      this.#failed(breakers, error);
      throw error;
    }
  }

  get #isAway(): boolean {
    return this.#all.isOpen || this.#soon.isOpen;
  }

  #breakersOf(operation: ArchiveOperation): readonly Breaker[] {
    return soon.has(operation) ? [this.#all, this.#soon] : [this.#all];
  }

  #restsError(): StoreError {
    const sentence = `${reasonOf(this.#last)}; it is asked again in a few seconds`;
    return new StoreError("ARCHIVE", sentence, { cause: this.#last });
  }

  #worked(breakers: readonly Breaker[]): void {
    const { clock, observe } = this.#options;
    const wasAway = this.#isAway;
    for (const one of breakers) one.worked();
    if (wasAway && !this.#isAway)
      observe({ kind: "archiveBack", milliseconds: clock.steady() - this.#failedAt });
  }

  #failed(breakers: readonly Breaker[], error: unknown): void {
    const { clock, observe } = this.#options;
    const [wasAway, now] = [this.#isAway, clock.steady()];
    this.#last = error;
    for (const one of breakers) one.failed(now);
    if (wasAway || !this.#isAway) return;
    this.#failedAt = now;
    observe({ kind: "archiveLost", error, retryIn: rest });
  }

  async *#heard(body: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    const breakers = this.#breakersOf("open");
    try {
      yield* inEarnest(body, this.#options.clock);
      this.#worked(breakers);
    } catch (error) {
      if (!signal.aborted) this.#failed(breakers, error);
      throw error;
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
