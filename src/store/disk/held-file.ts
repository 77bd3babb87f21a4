/**
 * An open file whose close waits for the calls under way: a descriptor closed under a running read
 * may by then be somebody else's file, and the read would bring that file's bytes.
 */

import type { BlobReader, FilePlace } from "../blob-store.ts";
import { StoreError } from "../store-error.ts";
import {
  closeQuietly,
  type FileFacts,
  identityOf,
  type OpenFile,
  storeFailure,
} from "./file-system.ts";

export class HeldFile {
  readonly #file: OpenFile;
  readonly #path: string;
  #busy = 0;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(file: OpenFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** One read; resolves with the bytes read. Throws StoreError IO, also once closed. */
  async read(buffer: Uint8Array, position: number, length = buffer.length): Promise<number> {
    this.#begin();
    try {
      return (await this.#file.read(buffer, 0, length, position)).bytesRead;
    } catch (error) {
      throw storeFailure(error, `read ${this.#path}`);
    } finally {
      this.#end();
    }
  }

  /** Writes all of it: one call, unless the system takes less than it was given. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#begin();
    try {
      let done = 0;
      while (done < bytes.length) {
        const left = bytes.length - done;
        const { bytesWritten } = await this.#file.write(bytes, done, left, position + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw storeFailure(error, `write ${this.#path}`);
    } finally {
      this.#end();
    }
  }

  /** Cuts off what a failed write left beyond `length`; throws when there is less. */
  async settle(length: number): Promise<void> {
    this.#begin();
    try {
      const { size } = await this.#file.stat();
      if (size > length) await this.#file.truncate(length);
      if (size < length) {
        throw new StoreError("IO", `${this.#path} has ${size} of ${length} bytes`);
      }
    } catch (error) {
      throw storeFailure(error, `check ${this.#path}`);
    } finally {
      this.#end();
    }
  }

  async sync(): Promise<void> {
    this.#begin();
    try {
      await this.#file.sync();
    } catch (error) {
      throw storeFailure(error, `sync ${this.#path}`);
    } finally {
      this.#end();
    }
  }

  /** Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#closeWhenIdle();
    return this.#closing;
  }

  #begin(): void {
    if (this.#closing !== undefined) throw new StoreError("IO", `${this.#path} is closed`);
    this.#busy += 1;
  }

  #end(): void {
    this.#busy -= 1;
    if (this.#busy === 0) this.#onIdle?.();
  }

  async #closeWhenIdle(): Promise<void> {
    if (this.#busy > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      await promise;
    }
    await closeQuietly(this.#file);
  }
}

/** A kept blob, open: stays readable until closed, whatever happens to its name. */
export class DiskReader implements BlobReader {
  readonly #file: HeldFile;
  readonly #facts: FileFacts;

  constructor(file: HeldFile, facts: FileFacts) {
    this.#file = file;
    this.#facts = facts;
  }

  get size(): number {
    return this.#facts.size;
  }

  get place(): FilePlace {
    return { kind: "file", identity: identityOf(this.#facts) };
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#file.read(buffer, position);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
