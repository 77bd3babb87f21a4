/** Asks an upstream about one blob and says what the answer means. */
import type { Digest } from "../../protocol/digest.ts";
import { type HeaderList, headerList, headerValue } from "../../protocol/http/header-list.ts";
import { parseContentRange, parseUnsatisfiedRange, printRange } from "../../protocol/http/range.ts";
import { isRefusal, isUnavailable } from "../../protocol/http/status.ts";
import { bareMediaType } from "../../protocol/media-type.ts";
import type { Access, RegistryClient, RegistryResponse } from "../../upstream/registry-client.ts";
import type { RepositoryRef } from "../repository-ref.ts";
import {
  answerInWords,
  type Denial,
  isExcuse,
  readSmallAnswer,
  type SmallAnswer,
} from "./small-answer.ts";

export type BlobQuestion = RepositoryRef & {
  readonly digest: Digest;
  readonly access: Access;
  readonly method: "GET" | "HEAD";
  readonly range?: { readonly start: number; readonly end: number | undefined };
  /** `pass`: the registry's own answer is wanted, not that of the storage it sends us to. */
  readonly redirects: "blob" | "pass";
  readonly patience: "full" | "brief";
  readonly signal: AbortSignal;
};

/** The registry gives it: a success, a redirect, or a 416. The body is the caller's to end. */
export type Given = { readonly kind: "given"; readonly response: RegistryResponse };

export async function askBlob(
  client: RegistryClient,
  question: BlobQuestion,
): Promise<Given | Denial> {
  try {
    const response = await send(client, question);
    const { status } = response;
    if (status < 400 || status === 416) return { kind: "given", response };
    return denialOf(await readSmallAnswer(response, question.method));
  } catch (error) {
    if (isExcuse(error)) return { kind: "unavailable", error };
    throw error;
  }
}

/**
 * Whether the registry gives the blob to this asker. A redirect, or a 200 that may be a login page,
 * says nothing by itself: some registries send everybody on and leave it to what lies there to say
 * no. The first byte is then asked for as a download would ask for it, and has to be one of a blob
 * of this size; `missing` means that only the whole body can tell.
 */
export async function confirmBlob(
  client: RegistryClient,
  question: Omit<BlobQuestion, "method" | "redirects" | "range">,
  size: number | undefined,
): Promise<Given | Denial> {
  const said = await askBlob(client, { ...question, method: "HEAD", redirects: "pass" });
  if (said.kind !== "given") return said;
  if (isBlob(said.response, question.digest, size)) return said;
  said.response.body.destroy();
  const range = { start: 0, end: 1 };
  const shown = await askBlob(client, { ...question, method: "GET", redirects: "blob", range });
  if (shown.kind === "given" && isBlob(shown.response, question.digest, size)) return shown;
  // Storage behind the registry refuses for reasons of its own: that says nothing of who may.
  if (shown.kind === "refused") return { kind: "missing", answer: shown.answer };
  if (shown.kind !== "given") return shown;
  shown.response.body.destroy();
  return { kind: "missing", answer: answerInWords(shown.response) };
}

/** Whether an answer can only be one of the blob: it names its digest, or has its very size. */
function isBlob({ status, headers }: RegistryResponse, digest: Digest, size?: number): boolean {
  const isPage = bareMediaType(headerValue(headers, "content-type") ?? "") === "text/html";
  if (isPage || !isSuccess.has(status)) return false;
  const said = headerValue(headers, "docker-content-digest");
  if (said !== undefined) return said === digest;
  return size !== undefined && size === sizeIn(status, headers);
}

const isSuccess: ReadonlySet<number> = new Set([200, 206, 416]);

/** The whole blob's size: in Content-Range where that is, also of an empty blob's 416. */
function sizeIn(status: number, headers: HeaderList): number | undefined {
  const length = headerValue(headers, "content-length")?.trim() ?? "";
  if (status === 200) return /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  const range = headerValue(headers, "content-range") ?? "";
  if (status === 416) return parseUnsatisfiedRange(range);
  const part = parseContentRange(range);
  return part?.start === 0 && part.end === 1 ? part.size : undefined;
}

/** What an answer other than success says. */
export function denialOf(answer: SmallAnswer): Denial {
  if (isRefusal(answer.status)) return { kind: "refused", answer };
  return isUnavailable(answer.status)
    ? { kind: "unavailable", answer }
    : { kind: "missing", answer };
}

function send(client: RegistryClient, question: BlobQuestion): Promise<RegistryResponse> {
  const { registry, repository, digest, access, method, range } = question;
  const { redirects, patience, signal } = question;
  return client.send({
    registry,
    method,
    target: `/v2/${repository}/blobs/${digest}`,
    headers: headerList({
      "accept-encoding": "identity",
      range: range === undefined ? undefined : printRange(range.start, range.end),
    }),
    access,
    redirects,
    patience,
    signal,
  });
}
