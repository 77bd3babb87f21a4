/**
 * What a manifest or index refers to. The bytes come from anywhere, so size, nesting and counts are
 * bounded before anything is believed; the bytes themselves are never rewritten.
 */
import { type Digest, parseDigest } from "./digest.ts";
import { bareMediaType, dockerList, dockerManifest, ociIndex, ociManifest } from "./media-type.ts";

/** Larger ones are refused (the spec asks registries for at least 4 megabytes). */
export const maxManifestBytes = 4 * 1024 * 1024;
const maxDepth = 64;
/** Commas, braces and brackets; more than 10,000 descriptors with all their fields need. */
const maxMarks = 200_000;
const maxDescriptors = 10_000;

export type ManifestReference = {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
  readonly kind: "manifest" | "blob";
  /** False for foreign layers, which registries need not hold. */
  readonly isDistributable: boolean;
  /** `linux/arm64/v8`, where an index says what a manifest is for. */
  readonly platform?: string;
};

export type Manifest = {
  readonly mediaType: string;
  readonly kind: "index" | "image";
  /** In the order of the document; config first. */
  readonly references: readonly ManifestReference[];
  /** What this manifest is about; it need not exist. */
  readonly subject: Digest | undefined;
};

/** Undefined when the bytes are not a manifest of that type, or are one that breaks a limit. */
export function readManifest(bytes: Uint8Array, mediaType: string): Manifest | undefined {
  const type = bareMediaType(mediaType);
  const kind = kindOf(type);
  if (kind === undefined || bytes.length > maxManifestBytes || isJsonBomb(bytes)) return undefined;
  const document = parseObject(bytes);
  if (document === undefined || contradicts(document, type, kind)) return undefined;
  const references = kind === "index" ? indexReferences(document) : imageReferences(document);
  if (references === undefined) return undefined;
  const subject = isObject(document.subject) ? digestIn(document.subject) : undefined;
  return { mediaType: type, kind, references, subject };
}

/** What no image needs; parsing megabytes holds up everybody. */
const mostDeclaring = 256 * 1024;

/** The type that short bytes name themselves, where they are a manifest of it. */
export function declaredType(bytes: Buffer): string | undefined {
  if (bytes.length > mostDeclaring || isJsonBomb(bytes)) return undefined;
  const type = objectIn(bytes.toString("utf8"))?.mediaType;
  const isIts = typeof type === "string" && readManifest(bytes, type) !== undefined;
  return isIts ? type : undefined;
}

const quote = 0x22;
const backslash = 0x5c;
/** How much deeper each mark leads: braces, brackets, the comma. */
const steps: ReadonlyMap<number, number> = new Map([
  ...[0x7b, 0x5b].map((open) => [open, 1] as const),
  ...[0x7d, 0x5d].map((close) => [close, -1] as const),
  [0x2c, 0],
]);

type JsonObject = Readonly<Record<string, unknown>>;

function kindOf(type: string): Manifest["kind"] | undefined {
  if (type === ociIndex || type === dockerList) return "index";
  return type === ociManifest || type === dockerManifest ? "image" : undefined;
}

/** The same bytes must not be an index to one client and an image to another (CVE-2021-41190). */
function contradicts(document: JsonObject, type: string, kind: Manifest["kind"]): boolean {
  const declared = document.mediaType;
  if (declared !== undefined && declared !== type) return true;
  return kind === "index"
    ? "layers" in document || "fsLayers" in document
    : "manifests" in document || "fsLayers" in document;
}

function indexReferences(document: JsonObject): ManifestReference[] | undefined {
  return referencesIn(document.manifests ?? [], "manifest");
}

function imageReferences(document: JsonObject): ManifestReference[] | undefined {
  const config = referencesIn([document.config], "blob");
  const layers = referencesIn(document.layers ?? [], "blob");
  return config === undefined || layers === undefined ? undefined : [...config, ...layers];
}

function referencesIn(
  list: unknown,
  kind: ManifestReference["kind"],
): ManifestReference[] | undefined {
  if (!Array.isArray(list) || list.length > maxDescriptors) return undefined;
  const references: ManifestReference[] = [];
  for (const item of list) {
    const reference = referenceOf(item, kind);
    if (reference === undefined) return undefined;
    references.push(reference);
  }
  return references;
}

function referenceOf(
  item: unknown,
  kind: ManifestReference["kind"],
): ManifestReference | undefined {
  if (!isObject(item)) return undefined;
  const digest = digestIn(item);
  const { size, mediaType } = item;
  if (digest === undefined || typeof mediaType !== "string") return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  const isDistributable = !/\.(?:foreign|nondistributable)\./.test(mediaType);
  const platform = platformOf(item.platform);
  const its = { digest, size, mediaType, kind, isDistributable };
  return platform === undefined ? its : { ...its, platform };
}

/** What it says is printed, so it is bounded; `unknown` marks what is no image (an attestation). */
function platformOf(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  const parts = [value.os, value.architecture, value.variant].filter(
    (part): part is string => typeof part === "string" && /^[\w.-]{1,32}$/.test(part),
  );
  return parts.length < 2 || parts[0] === "unknown" ? undefined : parts.join("/");
}

function digestIn(descriptor: JsonObject): Digest | undefined {
  const text = descriptor.digest;
  return typeof text === "string" ? parseDigest(text) : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Counts what a parser would have to build: a few megabytes of brackets cost it hundreds, and half a second. */
export function isJsonBomb(bytes: Uint8Array): boolean {
  let depth = 0;
  let marks = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte === quote) index = endOfString(bytes, index);
    const step = steps.get(byte);
    if (step === undefined) continue;
    depth += step;
    marks += 1;
    if (depth > maxDepth || marks > maxMarks) return true;
  }
  return false;
}

/** The index of the quote that closes the string opened at `start`. */
function endOfString(bytes: Uint8Array, start: number): number {
  let index = start + 1;
  while (index < bytes.length && bytes[index] !== quote)
    index += bytes[index] === backslash ? 2 : 1;
  return index;
}

/**
 * What was signed of Docker's schema 1; undefined when the bytes are no such manifest. The digest is
 * that of the payload, which is the body without the signatures: where it ends, and what follows
 * there, stands in each signature's protected header.
 */
export function signedPayload(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length > maxManifestBytes || isJsonBomb(bytes)) return undefined;
  const document = objectIn(Buffer.from(bytes).toString("utf8"));
  const [signature] = Array.isArray(document?.signatures) ? document.signatures : [];
  const encoded = fieldsOf(signature)?.protected;
  if (typeof encoded !== "string") return undefined;
  const header = objectIn(Buffer.from(encoded, "base64url").toString("utf8"));
  const { formatLength, formatTail } = header ?? {};
  if (typeof formatLength !== "number" || typeof formatTail !== "string") return undefined;
  if (!Number.isInteger(formatLength) || formatLength < 0 || formatLength > bytes.length)
    return undefined;
  return Buffer.concat([bytes.subarray(0, formatLength), Buffer.from(formatTail, "base64url")]);
}

type Fields = Readonly<Record<string, unknown>>;

function objectIn(text: string): Fields | undefined {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}
