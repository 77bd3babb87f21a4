/**
 * An answer of ours that is not a success, in the distribution spec's words (spec.md#error-codes).
 * Its message is read by a person on a terminal: it says what is wrong and what to do.
 */
import type { HeaderList } from "./http/header-list.ts";

/** The spec's codes, and those that distribution added and clients know. */
export type RegistryErrorCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DENIED"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "PAGINATION_NUMBER_INVALID"
  | "RANGE_INVALID"
  | "SIZE_INVALID"
  | "TAG_INVALID"
  | "TOOMANYREQUESTS"
  | "UNAUTHORIZED"
  | "UNAVAILABLE"
  | "UNKNOWN"
  | "UNSUPPORTED";

const usualStatus: Readonly<Record<RegistryErrorCode, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 404,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  TAG_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNAVAILABLE: 503,
  UNKNOWN: 500,
  UNSUPPORTED: 405,
};

/** The code for an answer of which nothing is known but its status. */
export function codeOfStatus(status: number): RegistryErrorCode {
  if (status === 401 || status === 407) return "UNAUTHORIZED";
  if (status === 403) return "DENIED";
  if (status === 404) return "NAME_UNKNOWN";
  if (status === 416) return "RANGE_INVALID";
  if (status === 429) return "TOOMANYREQUESTS";
  if (status === 405 || status === 501) return "UNSUPPORTED";
  return status >= 500 ? "UNAVAILABLE" : "UNKNOWN";
}

export type RegistryErrorOptions = ErrorOptions & {
  /** When the code's usual status does not fit. */
  readonly status?: number;
  readonly detail?: unknown;
  /** Fields the answer must carry besides: a challenge, Retry-After, Allow. */
  readonly headers?: HeaderList;
};

export class RegistryError extends Error {
  readonly code: RegistryErrorCode;
  readonly status: number;
  readonly detail: unknown;
  readonly headers: HeaderList;

  constructor(code: RegistryErrorCode, message: string, options: RegistryErrorOptions = {}) {
    super(message, options);
    this.name = "RegistryError";
    this.code = code;
    this.status = options.status ?? usualStatus[code];
    this.detail = options.detail;
    this.headers = options.headers ?? new Map();
  }
}

/** The spec's JSON body; dockerd shows `message`, containerd the whole line. */
export function errorBody(error: Pick<RegistryError, "code" | "message" | "detail">): string {
  const { code, message, detail } = error;
  return `${JSON.stringify({ errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] })}\n`;
}
