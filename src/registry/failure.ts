/**
 * What went wrong, in the spec's words and with a status that makes clients do the right thing:
 * never 404 for "cannot reach it", never a secret in the message.
 */
import { Readable } from "node:stream";
import type { Passed } from "../cache/content.ts";
import type { DownloadError, DownloadErrorCode } from "../download/download-error.ts";
import { headerList } from "../protocol/http/header-list.ts";
import { RegistryError, type RegistryErrorCode } from "../protocol/registry-error.ts";
import type { StoreError, StoreErrorCode } from "../store/store-error.ts";
import {
  statusOfUpstreamError,
  UpstreamError,
  type UpstreamErrorCode,
} from "../upstream/upstream-error.ts";
import { UpstreamRefusal } from "../upstream/upstream-refusal.ts";

type FailureAnswer = {
  readonly status: number;
  readonly code: RegistryErrorCode;
  readonly hint: string;
};

const badGateway = { status: 502, code: "UNAVAILABLE", hint: "" } as const;
const unavailable = { status: 503, code: "UNAVAILABLE", hint: "" } as const;

/** What a person is told besides. */
const upstreamHints: Readonly<Partial<Record<UpstreamErrorCode, string>>> = {
  DOWN: "it is asked again in a few seconds",
  BUSY: "try again in a moment",
};

const downloadFailures: Readonly<Record<DownloadErrorCode, FailureAnswer>> = {
  WRONG_DIGEST: { ...badGateway, hint: "nothing of it was kept; try again" },
  WRONG_LENGTH: { ...badGateway, hint: "nothing of it was kept; try again" },
  NO_PARTS: badGateway,
  DISK: unavailable,
  ABANDONED: unavailable,
  ABORTED: unavailable,
};

const storeFailures: Readonly<
  Record<StoreErrorCode, FailureAnswer & { readonly message: string }>
> = {
  FULL: {
    ...unavailable,
    status: 507,
    message: "the proxy's disk is full",
    hint: "free some room or lower CACHE_MAX_SIZE",
  },
  IO: { ...unavailable, message: "the proxy's disk cannot be read or written" },
  PAUSED: { ...unavailable, message: "the proxy's disk failed again and again" },
  RECORDS: { ...unavailable, message: "the proxy's records cannot be read or written" },
  ARCHIVE: {
    ...unavailable,
    message: "the archive behind the proxy does not take or give it",
    hint: "try again in a moment",
  },
  LOCKED: { ...unavailable, message: "the proxy's data folder is in use by another process" },
  FORMAT: { ...unavailable, message: "the proxy's data folder is of another version" },
};

/** Seconds: so long a host that failed is left alone, and so soon a place may be free. */
const retryAfter: Readonly<Partial<Record<UpstreamErrorCode, string>>> = { DOWN: "15", BUSY: "5" };

/** Seconds: so soon what a store stands on is tried again, and a push may be. */
const storeRetryAfter: Readonly<Partial<Record<StoreErrorCode, string>>> = {
  RECORDS: "1",
  ARCHIVE: "5",
  PAUSED: "5",
};

/** The answer to give. What is none of our errors is told to the log, not to the client. */
export function toRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof UpstreamError) return fromUpstream(error);
  if (isErrorOf<DownloadError>(error, "DownloadError", downloadFailures)) {
    const { status, code, hint } = downloadFailures[error.code];
    return new RegistryError(code, sentence(error.message, hint), { status, cause: error });
  }
  if (isErrorOf<StoreError>(error, "StoreError", storeFailures)) {
    const { status, code, message, hint } = storeFailures[error.code];
    const headers = headerList({ "retry-after": storeRetryAfter[error.code] });
    return new RegistryError(code, sentence(message, hint), { status, cause: error, headers });
  }
  return new RegistryError("UNKNOWN", "the proxy failed; its log says why", { cause: error });
}

/** A registry's own refusal is passed on as it is; anything else is thrown again. */
export function passRefusal(error: unknown): Passed {
  if (!(error instanceof UpstreamRefusal)) throw error;
  const { status, body } = error.response;
  const headers = new Map(error.response.headers);
  headers.set("content-length", [String(body.length)]);
  return {
    kind: "passed",
    response: { status, headers, body: Readable.from([body]) },
    outcome: "bypass",
  };
}

/** Text for a person or a log, without signed queries, logins in URLs and Authorization values. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/\bhttps?:\/\/[^\s"'<>]*/gi, (url) => url.replace(/\?.*$/s, "?..."))
    .replace(/(\bhttps?:\/\/)[^\s/@"'<>]+@/gi, "$1")
    .replace(/\b(bearer|basic)\s+[\w.~+/=-]+/gi, "$1 ...")
    .replace(/\bept1\.[\w.=-]+/g, "ept1...");
}

function fromUpstream(error: UpstreamError): RegistryError {
  const { code: reason, message } = error.told;
  const status = statusOfUpstreamError[reason];
  const code = status === 403 ? "DENIED" : "UNAVAILABLE";
  return new RegistryError(code, sentence(message, upstreamHints[reason] ?? ""), {
    ...{ status, cause: error, detail: { reason, host: error.host } },
    headers: headerList({ "retry-after": retryAfter[reason] }),
  });
}

function sentence(message: string, hint: string): string {
  const safe = withoutSecrets(message);
  return hint === "" ? safe : `${safe}; ${hint}`;
}

/** Rooms out of this one's reach, whose errors only pass through: known by name and code. */
function isErrorOf<Known extends Error>(
  error: unknown,
  name: string,
  table: Readonly<Record<string, unknown>>,
): error is Known {
  if (!(error instanceof Error) || error.name !== name || !("code" in error)) return false;
  return typeof error.code === "string" && Object.hasOwn(table, error.code);
}
