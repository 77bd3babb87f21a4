/** Everybody who reads one growing file. It closes when the last has gone and no more may come. */
import { TailReader, type TailReaderParts } from "./tail-reader.ts";

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
