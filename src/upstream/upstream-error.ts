/** Why there is no answer from a registry, as a code from a closed list. */

export type UpstreamErrorCode =
  /** The name does not resolve, or the resolver fails. */
  | "DNS"
  /** Nobody listens, or the network cannot reach it. */
  | "CONNECT"
  /** TLS fails: untrusted or wrong certificate, no common version. */
  | "TLS"
  /** It answers a TLS handshake with what is none, and plain HTTP is not for us to try. */
  | "NO_TLS"
  /** No connection, headers or bytes in time. */
  | "TIMEOUT"
  /** The connection ended in the middle. */
  | "RESET"
  /** The destination rules forbid it (see destination.ts). */
  | "FORBIDDEN"
  /** Too many, malformed or forbidden redirects. */
  | "REDIRECT"
  /** Something larger than it may be: headers, a token reply, a manifest. */
  | "TOO_LARGE"
  /** An answer that makes no sense: bad framing, bad encoding, a lie about its length. */
  | "PROTOCOL"
  /** It failed a moment ago and is not asked again yet. */
  | "DOWN"
  /** So much is asked of it already that no place was free in time. */
  | "BUSY"
  /** The operator wants nobody asked. */
  | "OFFLINE"
  /** The caller's signal ended the wait. */
  | "ABORTED";

/** The status that a client is answered with. */
export const statusOfUpstreamError: Readonly<Record<UpstreamErrorCode, number>> = {
  DNS: 502,
  CONNECT: 502,
  TLS: 502,
  NO_TLS: 403,
  TIMEOUT: 504,
  RESET: 502,
  FORBIDDEN: 403,
  REDIRECT: 502,
  TOO_LARGE: 502,
  PROTOCOL: 502,
  DOWN: 503,
  BUSY: 503,
  OFFLINE: 503,
  ABORTED: 503,
};

/** What came of an attempt to ask: the registry, or its token service, may well say another time. */
export const unanswered: ReadonlySet<UpstreamErrorCode> = new Set([
  "DNS",
  "CONNECT",
  "TLS",
  "NO_TLS",
  "TIMEOUT",
  "RESET",
  "DOWN",
  "OFFLINE",
]);

type UpstreamErrorOptions = ErrorOptions & {
  /** A registry led there: what the name resolves to, or whether, is the operator's to know. */
  readonly isLed?: boolean;
};

/** Its message is a sentence that names the host, for the log, and for clients unless `told` says another. */
export class UpstreamError extends Error {
  readonly code: UpstreamErrorCode;
  /** `host` or `host:port` that was being spoken to; for messages, never for decisions. */
  readonly host: string;
  readonly isLed: boolean;
  /** What clients hear of it. */
  readonly told: { readonly code: UpstreamErrorCode; readonly message: string };

  constructor(
    code: UpstreamErrorCode,
    host: string,
    message: string,
    { isLed = false, ...options }: UpstreamErrorOptions = {},
  ) {
    super(message, options);
    this.name = "UpstreamError";
    this.code = code;
    this.host = host;
    this.isLed = isLed;
    const sentence = `the registry leads to ${host}, which cannot be reached; the proxy's log says why`;
    this.told = isLed ? { code: "CONNECT", message: sentence } : { code, message };
  }
}
