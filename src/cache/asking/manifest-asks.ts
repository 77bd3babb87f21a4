/**
 * Asks an upstream about one manifest and says what the answer means. Bytes are believed only when
 * their digest is right; without one, nothing but a manifest is kept (login pages have status 200 too).
 */

import { type Digest, digestOf, parseDigest } from "../../protocol/digest.ts";
import { headerList, headerValue } from "../../protocol/http/header-list.ts";
import { isRefusal, isUnavailable } from "../../protocol/http/status.ts";
import { isJsonBomb, readManifest, signedPayload } from "../../protocol/manifest.ts";
import {
  bareMediaType,
  dockerList,
  dockerManifest,
  isSignedSchema1,
  ociIndex,
  ociManifest,
  shortMediaType,
} from "../../protocol/media-type.ts";
import { printReference, type Reference } from "../../protocol/reference.ts";
import type { Access, RegistryClient, RegistryResponse } from "../../upstream/registry-client.ts";
import type { RepositoryRef } from "../repository-ref.ts";
import { hasDigest, readManifestBody, wrongDigest } from "./manifest-body.ts";
import { type Denial, isExcuse, readSmallAnswer } from "./small-answer.ts";

export type ManifestQuestion = RepositoryRef & {
  readonly reference: Reference;
  readonly access: Access;
  readonly accept: string;
  /** Answered with "same" when the tag still means this digest. */
  readonly known?: Digest | undefined;
  readonly patience: "full" | "brief";
  readonly signal: AbortSignal;
};

/** Signed schema 1 or too large; or else what is no manifest at all, like a login page with status 200. */
export type Unkept = { readonly kind: "unkept"; readonly isManifest: boolean };

export type ManifestAnswer =
  /** It exists; no bytes came. */
  | {
      readonly kind: "found";
      readonly digest: Digest;
      readonly mediaType: string;
      readonly size: number | undefined;
    }
  | {
      readonly kind: "bytes";
      readonly digest: Digest;
      readonly mediaType: string;
      readonly bytes: Buffer;
    }
  /** Still the known digest. */
  | { readonly kind: "same" }
  /** It is nothing to keep: ask again and pass the answer through. */
  | Unkept
  | Denial;

/** What the operator's login opened elsewhere goes to who asked, and says nothing of what is held here. */
const passedOn: Unkept = { kind: "unkept", isManifest: true };

/** HEAD. Undefined when the answer decides nothing: GET has to. */
export async function headManifest(
  client: RegistryClient,
  question: ManifestQuestion,
  onAnswer?: (response: RegistryResponse) => void,
): Promise<ManifestAnswer | undefined> {
  return excused(async () => {
    const response = await send(client, question, "HEAD");
    onAnswer?.(response);
    if (response.status !== 200) return decisive(response, "HEAD");
    response.body.destroy();
    return response.isBorrowed === true ? passedOn : foundBy(response);
  });
}

/** Undefined when its fields do not say what there is. */
function foundBy(response: RegistryResponse): ManifestAnswer | undefined {
  const digest = parseDigest(headerValue(response.headers, "docker-content-digest") ?? "");
  const mediaType = mediaTypeOf(response);
  if (digest === undefined || mediaType === "") return undefined;
  if (isSignedSchema1(bareMediaType(mediaType))) return { kind: "unkept", isManifest: true };
  const length = Number(headerValue(response.headers, "content-length") ?? Number.NaN);
  const size = Number.isSafeInteger(length) && length > 0 ? length : undefined;
  return { kind: "found", digest, mediaType, size };
}

/** GET, with If-None-Match when something is known. */
export async function getManifest(
  client: RegistryClient,
  question: ManifestQuestion,
  onAnswer?: (response: RegistryResponse) => void,
): Promise<ManifestAnswer> {
  const answer = await excused(async () => {
    const response = await send(client, question, "GET");
    onAnswer?.(response);
    if (response.status === 200 && response.isBorrowed === true) {
      response.body.destroy();
      return passedOn;
    }
    if (response.status === 200) return verified(question, response);
    if (response.status !== 304 || question.known === undefined)
      return (await decisive(response, "GET")) ?? missing(response, "GET");
    response.body.destroy();
    return { kind: "same" } as const;
  });
  return answer;
}

function send(
  client: RegistryClient,
  question: ManifestQuestion,
  method: "GET" | "HEAD",
): Promise<RegistryResponse> {
  const { registry, repository, reference, access, accept, known, patience, signal } = question;
  return client.send({
    registry,
    method,
    target: `/v2/${repository}/manifests/${printReference(reference)}`,
    headers: headerList({
      accept,
      "accept-encoding": "identity",
      "if-none-match": method === "GET" && known !== undefined ? `"${known}"` : undefined,
    }),
    access,
    redirects: "manifest",
    patience,
    signal,
  });
}

/** Undefined when another method may still find it. */
async function decisive(response: RegistryResponse, method: string): Promise<Denial | undefined> {
  if (isRefusal(response.status))
    return { kind: "refused", answer: await readSmallAnswer(response, method) };
  if (isUnavailable(response.status, method))
    return { kind: "unavailable", answer: await readSmallAnswer(response, method) };
  if (method === "HEAD") response.body.destroy();
  return undefined;
}

async function missing(response: RegistryResponse, method: string): Promise<Denial> {
  return { kind: "missing", answer: await readSmallAnswer(response, method) };
}

async function verified(
  { reference, registry }: ManifestQuestion,
  response: RegistryResponse,
): Promise<ManifestAnswer> {
  const mediaType = mediaTypeOf(response);
  const digest = expectedDigest(reference, response);
  const body = await readManifestBody(response);
  if (body.kind === "large") {
    response.body.destroy();
    return { kind: "unkept", isManifest: true };
  }
  const { bytes } = body;
  if (digest !== undefined && !hasDigest(bytes, digest, mediaType))
    throw wrongDigest(registry.name);
  if (isSignedSchema1(bareMediaType(mediaType)))
    return { kind: "unkept", isManifest: signedPayload(bytes) !== undefined };
  // What hashes to the digest that the registry names is what the registry means, whatever it is.
  if (digest === undefined && !isManifest(bytes, bareMediaType(mediaType)))
    return { kind: "unkept", isManifest: false };
  if (mediaType === "") return { kind: "unkept", isManifest: true };
  return { kind: "bytes", digest: digest ?? digestOf(bytes), mediaType, bytes };
}

/** The registry's Content-Type, short enough to be remembered. */
function mediaTypeOf({ headers }: RegistryResponse): string {
  return shortMediaType(headerValue(headers, "content-type") ?? "");
}

/** What was asked for by digest, else what the upstream declares. */
export function expectedDigest(
  reference: Reference,
  { headers }: Pick<RegistryResponse, "headers">,
): Digest | undefined {
  if (reference.kind === "digest") return reference.digest;
  return parseDigest(headerValue(headers, "docker-content-digest") ?? "");
}

const readable: ReadonlySet<string> = new Set([ociIndex, dockerList, ociManifest, dockerManifest]);

/** Other types are opaque: any JSON object that says what it is will do. */
function isManifest(bytes: Buffer, type: string): boolean {
  if (readable.has(type)) return readManifest(bytes, type) !== undefined;
  if (!/[/+]json$/.test(type) || isJsonBomb(bytes)) return false;
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return (
      typeof value === "object" &&
      value !== null &&
      ("schemaVersion" in value || "mediaType" in value)
    );
  } catch {
    return false;
  }
}

/** The answer, or the failure as one; what no kept answer may stand in for is thrown. */
async function excused<T>(ask: () => Promise<T>): Promise<T | Denial> {
  try {
    return await ask();
  } catch (error) {
    if (isExcuse(error)) return { kind: "unavailable", error };
    throw error;
  }
}
