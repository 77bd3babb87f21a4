/**
 * An upstream's answer small enough to be kept in memory for a moment and given to several who
 * asked the same: refusals, errors, a 404. And what it means that there is nothing else to serve.
 */
import { Readable } from "node:stream";
import { type HeaderList, headerValue } from "../../protocol/http/header-list.ts";
import { codeOfStatus, errorBody } from "../../protocol/registry-error.ts";
import type { RegistryResponse } from "../../upstream/registry-client.ts";
import {
  UpstreamError,
  type UpstreamErrorCode,
  unanswered,
} from "../../upstream/upstream-error.ts";
import type { CacheOutcome, Passed } from "../content.ts";

export type SmallAnswer = {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
};

/** Why there is nothing to serve, as the upstream put it. */
export type Denial =
  /** 401 or 403. */
  | { readonly kind: "refused"; readonly answer: SmallAnswer }
  /** 404, or an answer that is neither a manifest nor an excuse. */
  | { readonly kind: "missing"; readonly answer: SmallAnswer }
  /** 429, 5xx, or no answer at all. */
  | { readonly kind: "unavailable"; readonly answer: SmallAnswer }
  | { readonly kind: "unavailable"; readonly error: UpstreamError };

const largest = 1024 * 1024;

/** Reads the whole answer, at most 1 MiB of it; a longer body is replaced by the spec's words. */
export async function readSmallAnswer(
  response: RegistryResponse,
  method: string,
): Promise<SmallAnswer> {
  const { status, headers } = response;
  const body = await readBody(response, largest);
  if (method !== "HEAD" && body !== undefined) return { status, headers, body };
  return answerInWords({ status, headers });
}

/** The body, or undefined when it is longer than `limit`. Ends the response either way. */
export async function readBody(
  response: RegistryResponse,
  limit: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body) {
      length += chunk.length;
      if (length > limit) return undefined;
      chunks.push(chunk);
      response.body.keeps?.(length);
    }
    return Buffer.concat(chunks, length);
  } catch (error) {
    if (error instanceof UpstreamError) throw error;
    throw brokenAnswer("RESET", "the answer broke off in the middle", error);
  } finally {
    response.body.destroy();
  }
}

/** The error for an answer whose body is no good. */
export function brokenAnswer(
  code: UpstreamErrorCode,
  message: string,
  cause: unknown,
): UpstreamError {
  return new UpstreamError(code, "", message, { cause });
}

/** Hands it to one who asked. */
export function passSmallAnswer(answer: SmallAnswer, outcome: CacheOutcome): Passed {
  const { status, headers, body } = answer;
  return { kind: "passed", response: { status, headers, body: Readable.from([body]) }, outcome };
}

const about = ["content-length", "content-type", "content-encoding", "transfer-encoding", "etag"];

/** A HEAD answer has no body to pass on, and its fields about one must not stand. */
export function answerInWords(from: Pick<RegistryResponse, "status" | "headers">): SmallAnswer {
  const { status } = from;
  const headers = new Map(from.headers);
  for (const name of about) headers.delete(name);
  const text = errorBody({
    code: status === 404 ? "MANIFEST_UNKNOWN" : codeOfStatus(status),
    message: sentence(status, from.headers),
    detail: undefined,
  });
  const body = Buffer.from(text);
  headers.set("content-type", ["application/json"]);
  headers.set("content-length", [String(body.length)]);
  return { status, headers, body };
}

function sentence(status: number, headers: HeaderList): string {
  const again = headerValue(headers, "retry-after");
  const wait = again === undefined ? "" : `; it may be asked again after ${again}`;
  return `the registry answered ${status}${wait}`;
}

const excuses: ReadonlySet<UpstreamErrorCode> = new Set([...unanswered, "BUSY", "PROTOCOL"]);

/** Whether what is kept may stand in for an upstream that failed so. */
export function isExcuse(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && excuses.has(error.code);
}
