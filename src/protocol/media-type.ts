/** Media types of manifests, and what a client says it can read, as a value usable as a key. */
import { ownText } from "../runtime/own-bytes.ts";

declare const acceptSetBrand: unique symbol;

/** The accepted types, lower case, sorted, each once, joined by commas: one spelling per set. */
export type AcceptSet = string & { readonly [acceptSetBrand]: true };

export const ociIndex = "application/vnd.oci.image.index.v1+json";
export const ociManifest = "application/vnd.oci.image.manifest.v1+json";
export const dockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
export const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
const ociArtifact = "application/vnd.oci.artifact.manifest.v1+json";
const schema1 = "application/vnd.docker.distribution.manifest.v1+json";
const signedSchema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";

const indexTypes: ReadonlySet<string> = new Set([ociIndex, dockerList]);
const manifestTypes: ReadonlySet<string> = new Set([
  ...indexTypes,
  ociManifest,
  dockerManifest,
  ociArtifact,
  schema1,
  signedSchema1,
]);

/** The one Accept with which tags are resolved upstream, whoever asks. */
export const resolveAccept = [ociIndex, dockerList, ociManifest, dockerManifest].join(", ");

/** The set of all Accept lines. Clients send them in random order; no line at all accepts anything. */
export function parseAccept(lines: readonly string[]): AcceptSet {
  const types = new Set<string>();
  for (const item of lines.join(",").toLowerCase().split(",")) {
    const type = item.includes(";") ? withoutParameters(item) : item.trim();
    if (type !== "") types.add(type);
  }
  return (types.size === 0 ? "*/*" : [...types].sort().join(",")) as AcceptSet;
}

/** Whether a client with this set can read the type; ranges (`application/*`) count. */
export function acceptsType(set: AcceptSet, type: string): boolean {
  const family = type.slice(0, type.indexOf("/") + 1);
  const listed = `,${set},`;
  return (
    listed.includes(`,${type},`) || listed.includes(`,${family}*,`) || listed.includes(",*/*,")
  );
}

const longestMediaType = 255;

/** A Content-Type field that may be remembered: without its parameters where those make it long. */
export function shortMediaType(contentType: string): string {
  if (contentType.length <= longestMediaType) return contentType;
  return ownText(bareMediaType(contentType).slice(0, longestMediaType));
}

/** The bare type of a Content-Type field: lower case, without parameters. */
export function bareMediaType(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

export function isManifestType(type: string): boolean {
  return manifestTypes.has(type);
}

/** Whether a manifest of this type lists manifests rather than blobs. */
export function isIndexType(type: string): boolean {
  return indexTypes.has(type);
}

/** Its digest covers the signed payload, not the bytes sent, so it cannot be verified by hashing. */
export function isSignedSchema1(type: string): boolean {
  return type === signedSchema1;
}

/** The bare type, or "" when its parameters refuse it. */
function withoutParameters(item: string): string {
  const [type = "", ...parameters] = item.split(";");
  return parameters.some(isRefusal) ? "" : type.trim();
}

/** `;q=0` says "anything but this" (RFC 9110 §12.4.2). */
function isRefusal(parameter: string): boolean {
  return /^\s*q\s*=\s*0(?:\.0{0,3})?\s*$/.test(parameter);
}
