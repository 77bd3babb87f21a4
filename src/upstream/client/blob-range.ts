/**
 * Opens a blob at an offset, as a download that was cut asks to go on: whatever the registry makes of
 * the Range, what comes out are the blob's own bytes from that offset, or an error.
 */
import { Readable } from "node:stream";
import type { Digest } from "../../protocol/digest.ts";
import { type HeaderList, headerList, headerValue } from "../../protocol/http/header-list.ts";
import { parseContentRange, parseUnsatisfiedRange, printRange } from "../../protocol/http/range.ts";
import type { RepositoryName } from "../../protocol/reference.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import { discard, readStart } from "../body.ts";
import { decoded, encodingOf } from "../content-encoding.ts";
import type { Place } from "../location.ts";
import type { Access, RegistryClient, RegistryResponse } from "../registry-client.ts";
import { UpstreamError } from "../upstream-error.ts";
import { UpstreamRefusal } from "../upstream-refusal.ts";

export type BlobRangeAsk = {
  readonly registry: Registry;
  readonly repository: RepositoryName | string;
  readonly digest: Digest;
  readonly access: Access;
  readonly offset: number;
  readonly signal: AbortSignal;
};

export type BlobPartAsk = BlobRangeAsk & {
  /** The first byte that is not asked for. */
  readonly end: number;
  /** Where an earlier answer for this blob came from. */
  readonly storage?: Place | undefined;
};

export type OpenedBlob = {
  /** The blob's length; undefined when the registry does not say, so that a cut may look like the end. */
  readonly total: number | undefined;
  /** The blob's bytes from the offset on; reading it to the end or leaving the loop closes it. */
  readonly body: AsyncIterable<Uint8Array>;
  readonly headers: HeaderList;
  /** It does not show what the registry asked holds. */
  readonly isBorrowed?: boolean;
  /** It is no registry's, but from where we put it ourselves. */
  readonly isArchived?: boolean;
  /** The registry makes nothing of ranges: there is nothing to be read here. */
  readonly hasNoParts?: boolean;
  /** Where it came from, when that was not the registry itself. */
  readonly storage?: Place | undefined;
  /** Takes a piece of the body for its next bytes; who calls it has kept nothing of the piece. */
  readonly giveBack?: ((piece: Uint8Array) => void) | undefined;
  /** For whoever does not read; idempotent. */
  close(): void;
};

const maxRefusal = 65_536;

/** Throws UpstreamRefusal for a status that is no blob, UpstreamError for an answer that makes no sense. */
export async function openBlobAt(client: RegistryClient, ask: BlobRangeAsk): Promise<OpenedBlob> {
  const { offset } = ask;
  if (offset === 0) return await whole(await send(client, ask, undefined), ask);
  try {
    return await rest(await send(client, ask, printRange(offset)), ask);
  } catch (error) {
    if (!isAboutRange(error)) throw error;
    return await whole(await send(client, ask, undefined), ask);
  }
}

/**
 * The bytes from `offset` up to `end`, or the blob's own end where that comes first, or word that
 * they cannot be had in parts. Throws UpstreamRefusal and UpstreamError as for the whole.
 */
export async function openBlobPart(client: RegistryClient, ask: BlobPartAsk): Promise<OpenedBlob> {
  const { offset, end, storage } = ask;
  const response = await send(client, { ...ask, storage }, printRange(offset, end));
  const { status, headers } = response;
  const range = headerValue(headers, "content-range") ?? "";
  const beyondEnd = status === 416 ? parseUnsatisfiedRange(range) : undefined;
  if (beyondEnd !== undefined && beyondEnd <= offset) return nothing(response, beyondEnd);
  const part = status === 206 ? parseContentRange(range) : undefined;
  const isIt = part?.start === offset && part.end <= end && part.size !== undefined;
  if (isIt && encodingOf(headers) === undefined) return opened(response, part.size, response.body);
  const isAnswer = status < 300 || isAboutRangeStatus(status);
  if (!isAnswer) return await refuse(response, ask);
  response.body.destroy();
  return { ...opened(response, undefined, Readable.from([])), hasNoParts: true };
}

async function send(
  client: RegistryClient,
  ask: BlobRangeAsk & Pick<BlobPartAsk, "storage">,
  range: string | undefined,
): Promise<RegistryResponse> {
  const { registry, repository, digest, access, storage, signal } = ask;
  return await client.send({
    registry,
    method: "GET",
    target: `/v2/${repository}/blobs/${digest}`,
    headers: headerList({ range }),
    access,
    redirects: "blob",
    patience: "full",
    storage,
    signal,
  });
}

/** Another part than was asked for, or none at all, where the whole may still be had. */
function isAboutRange(error: unknown): boolean {
  if (error instanceof UpstreamRefusal) return isAboutRangeStatus(error.response.status);
  return error instanceof UpstreamError && error.code === "PROTOCOL";
}

function isAboutRangeStatus(status: number): boolean {
  return [400, 416, 501].includes(status);
}

async function rest(response: RegistryResponse, ask: BlobRangeAsk): Promise<OpenedBlob> {
  if (response.status === 206) return partial(response, ask);
  if (response.status === 416) return await beyond(response, ask);
  return await whole(response, ask);
}

/** 200: everything, from its first byte; what lies before the offset is read and dropped. */
async function whole(response: RegistryResponse, ask: BlobRangeAsk): Promise<OpenedBlob> {
  if (response.status !== 200) return await refuse(response, ask);
  const encoding = encodingOf(response.headers);
  const total = encoding === undefined ? contentLength(response.headers) : undefined;
  const bytes =
    encoding === undefined ? response.body : decoded(response.body, encoding, ask.registry.name);
  return opened(response, total, ask.offset === 0 ? bytes : skip(bytes, ask.offset));
}

/** 206: accepted when it starts where it should, in a blob's own bytes: encoded ones count otherwise. */
function partial(response: RegistryResponse, ask: BlobRangeAsk): OpenedBlob {
  if (encodingOf(response.headers) !== undefined) throw nonsense(response, ask, "an encoded part");
  const part = parseContentRange(headerValue(response.headers, "content-range") ?? "");
  if (part === undefined) throw nonsense(response, ask, "a part without saying which");
  if (part.start !== ask.offset) throw nonsense(response, ask, "another part than asked for");
  return opened(response, part.size, response.body);
}

/** 416 at the very end of a blob whose length was not known: there is nothing more. */
async function beyond(response: RegistryResponse, ask: BlobRangeAsk): Promise<OpenedBlob> {
  const total = parseUnsatisfiedRange(headerValue(response.headers, "content-range") ?? "");
  return total === ask.offset ? nothing(response, total) : await refuse(response, ask);
}

function nothing(response: RegistryResponse, total: number): OpenedBlob {
  discard(response.body);
  return opened(response, total, Readable.from([]));
}

async function refuse(response: RegistryResponse, ask: BlobRangeAsk): Promise<never> {
  const { status, headers } = response;
  if (status === 206) throw nonsense(response, ask, "a part where the whole was asked for");
  const body = await readStart(response.body, maxRefusal);
  throw new UpstreamRefusal({ status, headers, body });
}

function opened(
  response: RegistryResponse,
  total: number | undefined,
  body: AsyncIterable<Uint8Array>,
): OpenedBlob {
  const { headers, isBorrowed = false, storage, body: answer } = response;
  const giveBack =
    body === answer ? (piece: Uint8Array): void => answer.giveBack?.(piece) : undefined;
  return { total, body, headers, isBorrowed, storage, giveBack, close: () => answer.destroy() };
}

async function* skip(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of bytes) {
    if (left < chunk.length) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

function contentLength(headers: HeaderList): number | undefined {
  const text = headerValue(headers, "content-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function nonsense(response: RegistryResponse, ask: BlobRangeAsk, what: string): UpstreamError {
  response.body.destroy();
  const host = ask.registry.name;
  return new UpstreamError("PROTOCOL", host, `${host} sent ${what} of ${ask.digest}`);
}
