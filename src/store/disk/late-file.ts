/** A file that is opened at its first use, so that what waits for that takes no descriptor. */
import type { OpenFile } from "./file-system.ts";

export class LateFile implements OpenFile {
  readonly #open: () => Promise<OpenFile>;
  #file: Promise<OpenFile> | undefined;

  constructor(open: () => Promise<OpenFile>) {
    this.#open = open;
  }

  async read(...how: Parameters<OpenFile["read"]>): ReturnType<OpenFile["read"]> {
    return (await this.#opened()).read(...how);
  }

  async write(...how: Parameters<OpenFile["write"]>): ReturnType<OpenFile["write"]> {
    return (await this.#opened()).write(...how);
  }

  async stat(): ReturnType<OpenFile["stat"]> {
    return (await this.#opened()).stat();
  }

  async truncate(length: number): Promise<void> {
    await (await this.#opened()).truncate(length);
  }

  async sync(): Promise<void> {
    await (await this.#opened()).sync();
  }

  async close(): Promise<void> {
    await (await this.#file)?.close();
  }

  /** One that could not be opened is tried again at the next use. */
  async #opened(): Promise<OpenFile> {
    this.#file ??= this.#open();
    try {
      return await this.#file;
    } catch (error) {
      this.#file = undefined;
      throw error;
    }
  }
}
