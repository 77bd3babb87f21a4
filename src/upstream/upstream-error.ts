/** Why there is no answer from a registry, as a code from a closed list. */

export type UpstreamErrorCode =
  /** The name does not resolve, or the resolver fails. */
  | "DNS"
  /** Nobody listens, or the network cannot reach it. */
  | "CONNECT"
  /** TLS fails: untrusted or wrong certificate, no common version. */
  | "TLS"
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
  /** The operator wants nobody asked. */
  | "OFFLINE"
  /** The caller's signal ended the wait. */
  | "ABORTED";

export class UpstreamError extends Error {
  readonly code: UpstreamErrorCode;
  /** `host` or `host:port` that was being spoken to; for messages, never for decisions. */
  readonly host: string;

  constructor(code: UpstreamErrorCode, host: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UpstreamError";
    this.code = code;
    this.host = host;
  }
}
