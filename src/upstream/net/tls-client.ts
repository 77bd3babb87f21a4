/**
 * The client's half of TLS on a connected socket: the system's authorities plus the operator's, the
 * host's name verified, TLS 1.2 at least, HTTP/1.1 alone. No session is ever resumed: a resumed one
 * would skip the check of the name. Failures say in words what is wrong with the certificate.
 */
import type { Socket } from "node:net";
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { formatHostPort, type HostPort, isAddress } from "../../protocol/http/host-port.ts";
import { UpstreamError } from "../upstream-error.ts";
import type { ResolvedAddress } from "./happy-eyeballs.ts";
import { errorCode } from "./network-error.ts";
import { RecordReads } from "./record-reads.ts";

export type TlsOptions = {
  /** PEM certificates to trust; `systemAuthorities()` and those of UPSTREAM_CA. */
  readonly authorities: readonly string[];
  /** Hosts whose certificate is not verified, by the operator's explicit word. */
  readonly isUnverified: (address: HostPort) => boolean;
};

/** What the machine trusts, each once; Node's own list where the machine has none. */
export function systemAuthorities(): readonly string[] {
  // Debian has every authority in a bundle and as files with several names: Node finds them all.
  const system = new Set(getCACertificates("system"));
  return system.size > 0 ? [...system] : getCACertificates("bundled");
}

export class TlsClient {
  readonly #context: SecureContext;
  readonly #isUnverified: (address: HostPort) => boolean;

  constructor(options: TlsOptions) {
    this.#isUnverified = options.isUnverified;
    // Made once: reading a hundred authorities for every connection would cost more than the handshake.
    this.#context = createSecureContext({ ca: [...options.authorities], minVersion: "TLSv1.2" });
  }

  /** Whether a connection there proves who answers. */
  isVerified(address: HostPort): boolean {
    return !this.#isUnverified(address);
  }

  /**
   * Resolves after the handshake; the TLS socket then owns the plain one and carries an error
   * listener. Rejects with UpstreamError (TLS, NO_TLS, RESET) or the signal's reason; both sockets are closed.
   */
  secure(socket: Socket, address: HostPort, signal: AbortSignal): Promise<TLSSocket> {
    return this.shaken(connect({ ...this.#options(address), socket }), address, signal);
  }

  /**
   * Begins a connection to where the address leads, whose handshake follows by itself, and which may
   * be read as undici reads and in no other way (record-reads.ts).
   */
  begin(to: ResolvedAddress, address: HostPort): TLSSocket {
    const reads = new RecordReads();
    const { onread } = reads;
    const { port } = address;
    const there = { host: to.address, port, autoSelectFamily: false, onread };
    const socket = connect({ ...this.#options(address), ...there });
    reads.attach(socket);
    return socket;
  }

  /** As `secure`, of a connection whose handshake is under way. */
  shaken(secured: TLSSocket, address: HostPort, signal: AbortSignal): Promise<TLSSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    const fail = (error: unknown): void => {
      signal.removeEventListener("abort", abort);
      secured.destroy();
      reject(error);
    };
    const abort = (): void => fail(signal.reason);
    // A peer that hangs up in the handshake may give `close` without an error.
    const closed = (): void => fail(handshakeEnded(address));
    secured.on("error", (error) => fail(tlsError(address, error)));
    secured.once("close", closed);
    secured.once("secureConnect", () => {
      signal.removeEventListener("abort", abort);
      secured.removeListener("close", closed);
      resolve(secured);
    });
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    return promise;
  }

  #options(address: HostPort): ConnectionOptions {
    const { host } = address;
    return {
      host,
      ...(isAddress(host) ? {} : { servername: host }),
      // Whatever is dialled, its certificate is for who was asked for.
      checkServerIdentity: (_dialled, certificate) => checkServerIdentity(host, certificate),
      secureContext: this.#context,
      rejectUnauthorized: this.isVerified(address),
      ALPNProtocols: ["http/1.1"],
    };
  }
}

function handshakeEnded(address: HostPort, cause?: Error): UpstreamError {
  const host = formatHostPort(address, 443);
  return new UpstreamError("RESET", host, `${host} closed the connection in the TLS handshake`, {
    cause,
  });
}

const reasons: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "its certificate has expired"],
  ["CERT_NOT_YET_VALID", "its certificate is not valid yet"],
  ["CERT_REVOKED", "its certificate has been revoked"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "its certificate is for another host"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "its certificate is self-signed; UPSTREAM_CA can trust it"],
  ["CERT_SIGNATURE_FAILURE", "its certificate has a wrong signature"],
  ["CERT_UNTRUSTED", "its certificate is not trusted here"],
  ["INVALID_CA", "its certificate was signed by something that is no authority"],
  ["INVALID_PURPOSE", "its certificate is not meant for servers"],
  ["EE_KEY_TOO_SMALL", "the key of its certificate is too small"],
  ["CA_KEY_TOO_SMALL", "the key of its authority is too small"],
  ["CA_MD_TOO_WEAK", "its certificate is signed with a broken hash"],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", "it speaks only outdated TLS versions"],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "it speaks only outdated TLS versions"],
]);

const unknownAuthority: ReadonlySet<string> = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** What answers a ClientHello in some other language. */
const notTls: ReadonlySet<string> = new Set([
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_HTTP_REQUEST",
]);

function tlsError(address: HostPort, cause: Error): UpstreamError {
  const code = errorCode(cause);
  if (code === "ECONNRESET" || code === "EPIPE") return handshakeEnded(address, cause);
  const host = formatHostPort(address, 443);
  if (notTls.has(code)) {
    const plain = `http://${formatHostPort(address)}`;
    const sentence = `${host} speaks no TLS; write ${plain} in REGISTRIES`;
    return new UpstreamError("NO_TLS", host, sentence, { cause });
  }
  const message = `TLS to ${host} failed: ${reasonOf(code)} (${code})`;
  return new UpstreamError("TLS", host, message, { cause });
}

function reasonOf(code: string): string {
  if (unknownAuthority.has(code)) {
    return "its certificate comes from an unknown authority; UPSTREAM_CA can trust it";
  }
  return reasons.get(code) ?? "the handshake failed";
}
