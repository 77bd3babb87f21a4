/** Everybody who reads one growing file. It closes when the last has gone and no more may come. */
import { TailReader, type TailReaderParts } from "./tail-reader.ts";

export class ReaderSet {
  readonly #closeFile: () => Promise<void>;
  readonly #onDeserted: () => void;
  readonly #gone = Promise.withResolvers<void>();
  readonly #readers = new Set<TailReader>();
  #isAdmitting = true;

  /** `onDeserted` is called when the last reader leaves while more may come. */
  constructor(closeFile: () => Promise<void>, onDeserted: () => void) {
    this.#closeFile = closeFile;
    this.#onDeserted = onDeserted;
  }

  /** Resolves when the file is closed. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  get size(): number {
    return this.#readers.size;
  }

  get isEmpty(): boolean {
    return this.#readers.size === 0;
  }

  seat(parts: Omit<TailReaderParts, "onClosed">): TailReader {
    const reader = new TailReader({ ...parts, onClosed: () => this.#left(reader) });
    this.#readers.add(reader);
    return reader;
  }

  /** No more come; who is here stays as long as he likes. */
  endAdmission(): void {
    if (!this.#isAdmitting) return;
    this.#isAdmitting = false;
    if (this.#readers.size === 0) this.#close();
  }

  /** Sends everybody away. */
  async dismiss(): Promise<void> {
    await Promise.all([...this.#readers].map((reader) => reader.close()));
  }

  #left(reader: TailReader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    if (this.#isAdmitting) this.#onDeserted();
    else this.#close();
  }

  #close(): void {
    this.#gone.resolve(this.#closeFile());
  }
}
