/** The files of a tar archive on disk, without their bytes. What is no archive any more ends it. */
import type { FileHandle } from "node:fs/promises";
import {
  readPax,
  readTarHeader,
  type TarHeader,
  tarBlock,
  tarPadding,
} from "../../../protocol/tar.ts";

export type TarFile = TarHeader & {
  /** Where its bytes begin, and where the next header is. */
  readonly start: number;
  readonly next: number;
};

/** What names a file before it does; names are not this long. */
const longestExtra = 64 * 1024;

export async function* tarFiles(file: FileHandle): AsyncGenerator<TarFile> {
  const { size: length } = await file.stat();
  let named: Named = {};
  for (let at = 0; at + tarBlock <= length; ) {
    const header = readTarHeader(await bytesAt(file, at, tarBlock));
    const its = header && placed(header, named, at);
    if (its === undefined || its.next > length) return;
    at = its.next;
    if (its.kind !== "pax" && its.kind !== "long name") {
      named = {};
      yield its;
      continue;
    }
    if (its.size > longestExtra) return;
    named = { ...named, ...namedBy(its.kind, await bytesAt(file, its.start, its.size)) };
  }
}

type Named = { readonly path?: string; readonly size?: number };

function placed(header: TarHeader, named: Named, at: number): TarFile {
  const isExtra = header.kind === "pax" || header.kind === "long name";
  const size = isExtra ? header.size : (named.size ?? header.size);
  const path = plain(named.path ?? header.path);
  const start = at + tarBlock;
  return { kind: header.kind, path, size, start, next: start + size + tarPadding(size) };
}

function namedBy(kind: "pax" | "long name", bytes: Buffer): Named {
  if (kind === "long name") return { path: bytes.toString("utf8").replace(/\0+$/, "") };
  const records = readPax(bytes);
  const path = records?.get("path");
  const size = Number(records?.get("size") ?? Number.NaN);
  return {
    ...(path === undefined ? {} : { path }),
    ...(Number.isSafeInteger(size) && size >= 0 ? { size } : {}),
  };
}

/** Some write `./blobs/…`. */
function plain(path: string): string {
  return path.replace(/^(?:\.\/)+/, "");
}

async function bytesAt(file: FileHandle, start: number, size: number): Promise<Buffer> {
  const buffer = Buffer.alloc(size);
  for (let done = 0; done < size; ) {
    const { bytesRead } = await file.read(buffer, done, size - done, start + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer;
}

const piece = 1024 * 1024;

/** Bytes of a file from there on. */
export async function* stretchOf(
  file: FileHandle,
  start: number,
  size: number,
): AsyncGenerator<Uint8Array> {
  for (let position = start; position < start + size; ) {
    const buffer = Buffer.allocUnsafe(Math.min(piece, start + size - position));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
