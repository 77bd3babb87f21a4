/**
 * The list of an OCI image layout, `index.json`: which images are in it, and under which names
 * (OCI image-spec, image-layout.md; containerd's and Docker's annotation for whole names).
 */
import { type Digest, digestAlgorithm, digestHex, parseDigest } from "./digest.ts";
import { isJsonBomb, maxManifestBytes } from "./manifest.ts";
import { ociIndex } from "./media-type.ts";

export type LayoutEntry = {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
  /** `ghcr.io/owner/app:v1` */
  readonly name: string | undefined;
  /** Most often a tag alone. */
  readonly refName: string | undefined;
  /** All of it as it was written. */
  readonly descriptor: LayoutDescriptor;
};

export type LayoutDescriptor = {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
};

export const layoutMarker = { path: "oci-layout", text: '{"imageLayoutVersion":"1.0.0"}' } as const;
export const layoutList = "index.json";
const nameKey = "io.containerd.image.name";
const refKey = "org.opencontainers.image.ref.name";
const most = 10_000;

export function layoutPath(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

export function layoutNames(name: string, refName: string | undefined) {
  return { [nameKey]: name, ...(refName === undefined ? {} : { [refKey]: refName }) };
}

/** Undefined when the bytes are no such list, or one that breaks a limit. */
export function readLayoutList(bytes: Uint8Array): readonly LayoutEntry[] | undefined {
  const manifests = listIn(bytes);
  if (manifests === undefined || manifests.length > most) return undefined;
  const entries = manifests.map(entryOf);
  const known = entries.filter((entry) => entry !== undefined);
  return known.length === entries.length ? known : undefined;
}

export function printLayoutList(descriptors: readonly LayoutDescriptor[]): string {
  const list = { schemaVersion: 2, mediaType: ociIndex, manifests: descriptors };
  return `${JSON.stringify(list, undefined, 2)}\n`;
}

function listIn(bytes: Uint8Array): readonly unknown[] | undefined {
  if (bytes.length > maxManifestBytes || isJsonBomb(bytes)) return undefined;
  try {
    const { manifests } = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return Array.isArray(manifests) ? manifests : undefined;
  } catch {
    return undefined;
  }
}

function entryOf(value: unknown): LayoutEntry | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { digest: text, size, mediaType, annotations } = value as Record<string, unknown>;
  const digest = typeof text === "string" ? parseDigest(text) : undefined;
  if (digest === undefined || typeof mediaType !== "string") return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  const names = (annotations ?? {}) as Readonly<Record<string, unknown>>;
  return {
    ...{ digest, size, mediaType },
    name: textIn(names[nameKey]),
    refName: textIn(names[refKey]),
    descriptor: value as LayoutDescriptor,
  };
}

/** It is printed, so it is bounded. */
function textIn(value: unknown): string | undefined {
  return typeof value === "string" && /^[\x21-\x7e]{1,1000}$/.test(value) ? value : undefined;
}
