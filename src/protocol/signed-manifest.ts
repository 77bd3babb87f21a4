/**
 * Docker's signed schema 1: the digest is that of the payload, which is the body without the
 * signatures. Where it ends, and what follows there, stands in each signature's protected header.
 */
import { isJsonBomb, maxManifestBytes } from "./manifest.ts";

/** What was signed; undefined when the bytes are no such manifest. */
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
