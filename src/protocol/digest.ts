/**
 * A content digest as the OCI spec writes it, parsed once; inside the house nobody checks its
 * spelling again (OCI image-spec, descriptor.md#digests).
 */
import { createHash } from "node:crypto";

declare const digestBrand: unique symbol;

/** `sha256:<64 lower-case hex>` or `sha512:<128 lower-case hex>`; usable as a Map key. */
export type Digest = string & { readonly [digestBrand]: true };

export type DigestAlgorithm = "sha256" | "sha512";

const grammar = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** The digest, or undefined when the text is not one we can verify. */
export function parseDigest(text: string): Digest | undefined {
  return grammar.test(text) ? (text as Digest) : undefined;
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha256:") ? "sha256" : "sha512";
}

/** The hex part alone: safe as a file name. */
export function digestHex(digest: Digest): string {
  return digest.slice(7);
}

/** The digest of these bytes. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = "sha256"): Digest {
  return toDigest(algorithm, createHash(algorithm).update(bytes).digest("hex"));
}

/** Puts together what a finished hash gives. */
export function toDigest(algorithm: DigestAlgorithm, hex: string): Digest {
  return `${algorithm}:${hex}` as Digest;
}
