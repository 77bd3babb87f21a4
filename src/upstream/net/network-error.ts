/** What Node's and undici's error codes mean in this room's words. */
import { UpstreamError, type UpstreamErrorCode } from "../upstream-error.ts";

/** The `code` of an error, or its name when it has none. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

const connecting: ReadonlyMap<string, readonly [UpstreamErrorCode, string]> = new Map([
  ["ECONNREFUSED", ["CONNECT", "refuses connections"]],
  ["EHOSTUNREACH", ["CONNECT", "cannot be reached"]],
  ["ENETUNREACH", ["CONNECT", "cannot be reached: no network leads there"]],
  ["ETIMEDOUT", ["TIMEOUT", "did not answer"]],
  // Nothing that the host did, and nothing that says it is down.
  ["EMFILE", ["BUSY", "cannot be connected to: too many files are open here"]],
  ["ENFILE", ["BUSY", "cannot be connected to: too many files are open here"]],
]);

/** For a connection that was never made. */
export function connectError(host: string, cause: unknown): UpstreamError {
  if (cause instanceof UpstreamError) return cause;
  const code = errorCode(cause);
  const [kind, words] = connecting.get(code) ?? ["CONNECT", "cannot be connected to"];
  return new UpstreamError(kind, host, `${host} ${words} (${code})`, { cause });
}

const exchanging: ReadonlyMap<string, readonly [UpstreamErrorCode, string]> = new Map([
  ["UND_ERR_HEADERS_TIMEOUT", ["TIMEOUT", "sent no headers in time"]],
  ["UND_ERR_BODY_TIMEOUT", ["TIMEOUT", "went silent in the middle of an answer"]],
  ["UND_ERR_HEADERS_OVERFLOW", ["TOO_LARGE", "sent headers that are too large"]],
  ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", ["RESET", "ended an answer before its length"]],
  ["UND_ERR_SOCKET", ["RESET", "closed the connection"]],
  ["UND_ERR_CLOSED", ["ABORTED", "is no longer asked: the proxy is stopping"]],
  ["UND_ERR_DESTROYED", ["ABORTED", "is no longer asked: the proxy is stopping"]],
  ["ECONNRESET", ["RESET", "reset the connection"]],
  ["EPIPE", ["RESET", "closed the connection"]],
  ["ETIMEDOUT", ["TIMEOUT", "went silent"]],
]);

/** For an answer of which nothing was read yet: undici counts bytes of a body that never came. */
export function headError(host: string, cause: unknown): UpstreamError {
  if (errorCode(cause) !== "UND_ERR_RES_CONTENT_LENGTH_MISMATCH") return exchangeError(host, cause);
  return lengthError(host, cause);
}

export function lengthError(host: string, cause?: unknown): UpstreamError {
  const message = `${host} sent what is not HTTP/1.1: its Content-Length is none, or there are two`;
  return new UpstreamError("PROTOCOL", host, message, { cause });
}

/** For an exchange on a connection that stood. */
export function exchangeError(host: string, cause: unknown): UpstreamError {
  if (cause instanceof UpstreamError) return cause;
  const code = errorCode(cause);
  // llhttp's codes (HPE_INVALID_CONSTANT …) and everything unforeseen: an answer that makes no sense.
  const [kind, words] = exchanging.get(code) ?? ["PROTOCOL", "sent what is not HTTP/1.1"];
  return new UpstreamError(kind, host, `${host} ${words} (${code})`, { cause });
}
