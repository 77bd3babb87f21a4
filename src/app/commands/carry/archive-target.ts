/**
 * An image layout in one tar archive. It is written beside its name, and gets that once it is whole; what
 * a run that was broken off has left there is taken up again, up to the last file that is whole.
 */
import { type FileHandle, open, rename } from "node:fs/promises";
import { layoutPath } from "../../../protocol/image-layout.ts";
import { printTarHeader, tarBlock, tarPadding } from "../../../protocol/tar.ts";
import { AskError } from "../control.ts";
import { checked, isRight, type LayoutContent, type LayoutTarget } from "./layout-target.ts";
import { stretchOf, tarFiles } from "./tar-files.ts";

type Sink = { write(bytes: Uint8Array): Promise<void> };

export class ArchiveTarget implements LayoutTarget {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #isWhole: boolean;
  readonly #there: ReadonlySet<string>;
  #end: number;

  /** Takes up what is there. Throws AskError when there is something else. */
  static async begin(path: string, contents: readonly LayoutContent[]): Promise<ArchiveTarget> {
    const whole = await open(path, "r").catch(() => undefined);
    const file = whole ?? (await openDraft(`${path}.partial`));
    const wanted = new Map(contents.map((one) => [layoutPath(one.digest), one]));
    const { there, end } = await filesIn(file, wanted);
    if (whole !== undefined && there.size < wanted.size) {
      await whole.close();
      throw isThere(path);
    }
    if (whole === undefined) await file.truncate(end);
    return new ArchiveTarget({ path, file, isWhole: whole !== undefined, there, end });
  }

  private constructor(parts: {
    readonly path: string;
    readonly file: FileHandle;
    readonly isWhole: boolean;
    readonly there: ReadonlySet<string>;
    readonly end: number;
  }) {
    this.#path = parts.path;
    this.#file = parts.file;
    this.#isWhole = parts.isWhole;
    this.#there = parts.there;
    this.#end = parts.end;
  }

  async has({ digest }: LayoutContent): Promise<boolean> {
    return this.#there.has(layoutPath(digest));
  }

  async write(content: LayoutContent, body: AsyncIterable<Uint8Array>): Promise<void> {
    const start = this.#end;
    try {
      await writeFile(this.#sink, layoutPath(content.digest), content.size, checked(content, body));
    } catch (error) {
      await this.#file.truncate(start);
      throw error;
    }
  }

  async finish(files: ReadonlyMap<string, string>): Promise<void> {
    if (this.#isWhole) return this.#needSame(files);
    await writeLists(this.#sink, files);
    await this.#file.sync();
    await rename(`${this.#path}.partial`, this.#path);
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => undefined);
  }

  /** Throws AskError where other names lead to the same. */
  async #needSame(files: ReadonlyMap<string, string>): Promise<void> {
    const pieces: Uint8Array[] = [];
    await writeLists({ write: async (bytes) => void pieces.push(bytes) }, files);
    const wanted = Buffer.concat(pieces);
    const found = Buffer.alloc(wanted.length);
    await this.#file.read(found, 0, found.length, this.#end);
    if (!found.equals(wanted)) throw isThere(this.#path);
  }

  get #sink(): Sink {
    return {
      write: async (bytes) => {
        for (let done = 0; done < bytes.length; ) {
          const rest = bytes.subarray(done);
          const { bytesWritten } = await this.#file.write(rest, 0, rest.length, this.#end);
          done += bytesWritten;
          this.#end += bytesWritten;
        }
      },
    };
  }
}

/** The same into a pipe, which has nothing from before. */
export class PipeTarget implements LayoutTarget {
  readonly #sink: Sink;

  constructor(stream: NodeJS.WritableStream) {
    this.#sink = {
      write: (bytes) =>
        new Promise((resolve, reject) => {
          stream.write(bytes, (error) => (error ? reject(error) : resolve()));
        }),
    };
  }

  async has(): Promise<boolean> {
    return false;
  }

  write(content: LayoutContent, body: AsyncIterable<Uint8Array>): Promise<void> {
    return writeFile(this.#sink, layoutPath(content.digest), content.size, checked(content, body));
  }

  finish(files: ReadonlyMap<string, string>): Promise<void> {
    return writeLists(this.#sink, files);
  }

  async close(): Promise<void> {
    // Whoever reads it sees by the missing lists that it is not whole.
  }
}

function isThere(path: string): AskError {
  const sentence = `${path} is there already, with something else in it; remove it, or name another`;
  return new AskError("FAILED", sentence);
}

/** To be read and written at any place; made if need be. */
async function openDraft(path: string): Promise<FileHandle> {
  await (await open(path, "a")).close();
  return open(path, "r+");
}

async function writeFile(
  sink: Sink,
  path: string,
  size: number,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  await sink.write(printTarHeader({ path, size }));
  for await (const piece of body) await sink.write(piece);
  await sink.write(Buffer.alloc(tarPadding(size)));
}

async function writeLists(sink: Sink, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, text] of files) {
    const bytes = Buffer.from(text);
    await writeFile(sink, name, bytes.length, [bytes]);
  }
  await sink.write(Buffer.alloc(2 * tarBlock));
}

/** Files that are wanted and whole, and where the last of them ends. */
async function filesIn(file: FileHandle, wanted: ReadonlyMap<string, LayoutContent>) {
  const there = new Set<string>();
  let end = 0;
  for await (const { path, kind, start, size, next } of tarFiles(file)) {
    const content = kind === "file" ? wanted.get(path) : undefined;
    if (content === undefined || content.size !== size) break;
    if (!(await isRight(content, stretchOf(file, start, size)))) break;
    there.add(path);
    end = next;
  }
  return { there, end };
}
