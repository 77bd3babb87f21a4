/** Asks an upstream about one blob and says what the answer means. */
import type { Digest } from "../protocol/digest.ts";
import { headerList, headerValue } from "../protocol/http/header-list.ts";
import { printRange } from "../protocol/http/range.ts";
import { bareMediaType } from "../protocol/media-type.ts";
import type { Access, RegistryClient, RegistryResponse } from "../upstream/registry-client.ts";
import { type Denial, isExcuse } from "./manifest-asks.ts";
import type { Place } from "./place.ts";
import { isRefusal, isUnavailable, readSmallAnswer, type SmallAnswer } from "./small-answer.ts";

export type BlobQuestion = Place & {
  readonly digest: Digest;
  readonly access: Access;
  readonly method: "GET" | "HEAD";
  readonly range?: { readonly start: number; readonly end: number | undefined };
  /** `pass`: the registry's own word is wanted, not that of the storage it sends us to. */
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
 * The registry's own word on whether this asker may have it, not that of the storage it sends us to.
 * A login page has status 200 too and is no such word.
 */
export async function askForWord(
  client: RegistryClient,
  question: Omit<BlobQuestion, "method" | "redirects" | "range">,
): Promise<Given | Denial> {
  const answer = await askBlob(client, { ...question, method: "HEAD", redirects: "pass" });
  if (answer.kind !== "given" || !isPage(answer.response)) return answer;
  return { kind: "missing", answer: await readSmallAnswer(answer.response, "HEAD") };
}

function isPage({ status, headers }: RegistryResponse): boolean {
  return (
    status === 200 && bareMediaType(headerValue(headers, "content-type") ?? "") === "text/html"
  );
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
