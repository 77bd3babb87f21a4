/**
 * Headers of tar archives (POSIX.1-1988 "ustar", with pax and GNU names as others write them): 512 bytes
 * before each file, whose bytes are padded to the next 512.
 */

export type TarHeader = {
  readonly path: string;
  readonly size: number;
  /** What is none of these is not read: devices, sparse files. */
  readonly kind: "file" | "folder" | "link" | "pax" | "long name" | "other";
};

export const tarBlock = 512;
const longestName = 100;

/** Bytes that follow a file of that size up to the next header. */
export function tarPadding(size: number): number {
  return (tarBlock - (size % tarBlock)) % tarBlock;
}

/** For a plain file; what names it where its name is long (GNU's way) goes before. */
export function printTarHeader({ path, size }: Pick<TarHeader, "path" | "size">): Buffer {
  const name = Buffer.from(path, "latin1");
  const header = printHeader(path.slice(0, longestName), size, "0");
  if (name.length <= longestName) return header;
  const padding = Buffer.alloc(tarPadding(name.length));
  return Buffer.concat([printHeader("././@LongLink", name.length, "L"), name, padding, header]);
}

function printHeader(path: string, size: number, type: string): Buffer {
  const header = Buffer.alloc(tarBlock);
  header.write(path, 0, longestName, "latin1");
  header.write(octal(0o644, 8), 100, "latin1");
  header.write(octal(0, 8), 108, "latin1");
  header.write(octal(0, 8), 116, "latin1");
  writeSize(header, size);
  // The same images make the same archive, whenever.
  header.write(octal(0, 12), 136, "latin1");
  header.write(type, 156, "latin1");
  header.write("ustar\u000000", 257, "latin1");
  header.write(`${sumOf(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** Undefined where it is no header; the two blocks of zeros at an archive's end are none either. */
export function readTarHeader(block: Uint8Array): TarHeader | undefined {
  const header = Buffer.from(block);
  const size = sizeIn(header);
  if (size === undefined || numberIn(header, 148, 8) !== sumOf(header)) return undefined;
  const isUstar = header.toString("latin1", 257, 262) === "ustar";
  const prefix = isUstar ? textIn(header, 345, 155) : "";
  const name = textIn(header, 0, 100);
  const path = prefix === "" || header[263] === 0x20 ? name : `${prefix}/${name}`;
  return { path, size, kind: kinds.get(header.toString("latin1", 156, 157)) ?? "other" };
}

const kinds: ReadonlyMap<string, TarHeader["kind"]> = new Map([
  ...["0", "\0", "7"].map((type) => [type, "file"] as const),
  ["5", "folder"],
  ...["1", "2"].map((type) => [type, "link"] as const),
  ...["x", "g"].map((type) => [type, "pax"] as const),
  ...["L", "K"].map((type) => [type, "long name"] as const),
]);

/** What pax records say of the next file: `<length> <key>=<value>\n`, over and over. Undefined when they make no sense. */
export function readPax(bytes: Uint8Array): ReadonlyMap<string, string> | undefined {
  const records = new Map<string, string>();
  const all = Buffer.from(bytes);
  for (let at = 0; at < all.length; ) {
    const space = all.indexOf(0x20, at);
    const length = Number(all.toString("latin1", at, Math.max(at, space)));
    if (space < 0 || !Number.isSafeInteger(length) || length < 5) return undefined;
    if (at + length > all.length || all[at + length - 1] !== 0x0a) return undefined;
    const record = all.toString("utf8", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    if (equals < 1) return undefined;
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

/** Eleven octal digits end at 8 GiB; beyond, the number itself, as GNU tar writes it. */
function writeSize(header: Buffer, size: number): void {
  if (size < 8 ** 11) {
    header.write(octal(size, 12), 124, "latin1");
    return;
  }
  header.writeUInt32BE(0x80000000, 124);
  header.writeBigUInt64BE(BigInt(size), 128);
}

function sizeIn(header: Buffer): number | undefined {
  if ((header[124] ?? 0) < 0x80) return numberIn(header, 124, 12);
  const size = Number(header.readBigUInt64BE(128));
  const isSmall = header.readUInt32BE(124) === 0x80000000 && Number.isSafeInteger(size);
  return isSmall ? size : undefined;
}

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, "0")}\0`;
}

function numberIn(header: Buffer, start: number, length: number): number | undefined {
  const text = textIn(header, start, length).trim();
  return /^[0-7]{1,11}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function textIn(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}

/** Of all bytes, those of the sum itself taken for spaces. */
function sumOf(header: Buffer): number {
  let sum = 0;
  for (const [at, byte] of header.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte;
  return sum;
}
