/** The last stretch of a stream, kept in memory only as long as somebody may still want it. */

export class Window {
  readonly #chunks: Uint8Array[] = [];
  #start: number;
  #end: number;

  constructor(start: number) {
    this.#start = start;
    this.#end = start;
  }

  /** What lies before is gone. */
  get start(): number {
    return this.#start;
  }

  /** Where the stream has come to. */
  get end(): number {
    return this.#end;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#end += chunk.length;
  }

  /** Lets go of chunks that lie wholly before `position`. */
  dropBefore(position: number): void {
    while (this.#start + (this.#chunks[0]?.length ?? Infinity) <= position) {
      this.#start += this.#chunks.shift()?.length ?? 0;
    }
  }

  /** Copies from `position` up to `end` or as far as the buffer goes; how many bytes that were. */
  copyTo(buffer: Uint8Array, position: number, end: number): number {
    if (position < this.#start) throw new RangeError(`the bytes at ${position} are gone`);
    let copied = 0;
    let start = this.#start;
    for (const chunk of this.#chunks) {
      const skipped = Math.max(0, position - start);
      const last = Math.min(chunk.length, end - start, skipped + buffer.length - copied);
      if (last > skipped) {
        buffer.set(chunk.subarray(skipped, last), copied);
        copied += last - skipped;
      }
      start += chunk.length;
    }
    return copied;
  }
}
