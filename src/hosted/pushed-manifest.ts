/** What a pushed manifest is, read once and checked: what goes in here comes out again for ever. */
import { type Digest, digestAlgorithm, digestOf } from "../protocol/digest.ts";
import {
  isJsonBomb,
  type Manifest,
  type ManifestReference,
  maxManifestBytes,
  readManifest,
} from "../protocol/manifest.ts";
import { bareMediaType } from "../protocol/media-type.ts";
import type { Reference } from "../protocol/reference.ts";
import { RegistryError } from "../protocol/registry-error.ts";

export type PushedManifest = Omit<Manifest, "subject"> & {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly subject: Digest | undefined;
  readonly artifactType: string | undefined;
};

/** What a referrers list says of a manifest beside its digest, size and type. */
export type ReferrerDetails = {
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
};

/** `contentType` is what the client says it is. Throws RegistryError MANIFEST_INVALID or DIGEST_INVALID. */
export function readPushed(
  bytes: Uint8Array,
  contentType: string | undefined,
  reference: Reference,
): PushedManifest {
  const type = bareMediaType(contentType ?? "");
  const mediaType = type === "" || type === "application/json" ? declaredType(bytes) : type;
  const manifest = readManifest(bytes, mediaType);
  if (manifest === undefined) throw invalid(mediaType);
  const algorithm = reference.kind === "digest" ? digestAlgorithm(reference.digest) : "sha256";
  const digest = digestOf(bytes, algorithm);
  if (reference.kind === "digest" && reference.digest !== digest) {
    throw new RegistryError("DIGEST_INVALID", `the manifest sent is not that of its digest`, {
      detail: { given: reference.digest, found: digest },
    });
  }
  const { artifactType } = describe(bytes);
  return { ...manifest, digest, bytes, artifactType };
}

/** The manifest's own artifact type, else its config's (OCI distribution-spec, listing referrers). */
export function describe(bytes: Uint8Array): ReferrerDetails {
  const document = objectIn(JSON.parse(Buffer.from(bytes).toString("utf8")));
  const config = objectIn(document.config);
  const said = document.artifactType;
  const own = typeof said === "string" && said !== "" ? said : config.mediaType;
  const annotations = Object.entries(objectIn(document.annotations)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return {
    artifactType: typeof own === "string" && own !== "" ? own : undefined,
    annotations: annotations.length === 0 ? undefined : Object.fromEntries(annotations),
  };
}

/** Blobs that must be in the repository before the manifest. */
export function neededBlobs(manifest: PushedManifest): readonly ManifestReference[] {
  return manifest.references.filter((one) => one.kind === "blob" && one.isDistributable);
}

export function tooLargeManifest(): RegistryError {
  const sentence = `a manifest has at most ${maxManifestBytes / 1024 ** 2} MiB`;
  return new RegistryError("MANIFEST_INVALID", sentence, { status: 413 });
}

function declaredType(bytes: Uint8Array): string {
  if (isJsonBomb(bytes)) return "";
  try {
    const { mediaType } = objectIn(JSON.parse(Buffer.from(bytes).toString("utf8")));
    return typeof mediaType === "string" ? bareMediaType(mediaType) : "";
  } catch {
    return "";
  }
}

function invalid(mediaType: string): RegistryError {
  const type = mediaType.replace(/[^\x20-\x7e]/g, "?").slice(0, 100);
  const sentence =
    type === ""
      ? "the manifest has no type; send it as Content-Type"
      : `this is no valid manifest of type ${type}`;
  return new RegistryError("MANIFEST_INVALID", sentence);
}

function objectIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** For what may have gone meanwhile. */
export function unlessUnknown(error: unknown): undefined {
  if (error instanceof RegistryError && error.code === "MANIFEST_UNKNOWN") return undefined;
  throw error;
}
