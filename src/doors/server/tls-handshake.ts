/** A client's TLS ends in this process: the one server handshake, with its deadline and its failures. */

import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";

/** Certificates for any host, from the CA that clients trust (proxy/authority/leaf.ts). */
export interface Leaves {
  /** Good until `connection` has closed. */
  contextFor(host: string, connection?: Socket): SecureContext;
}

export type TlsHandshake = {
  /** For a client that names no host. */
  readonly context: SecureContext;
  /** For the host that the client names; `context` when left out. What it throws ends the handshake. */
  readonly contextFor?: (name: string) => SecureContext;
  /** 10 s. */
  readonly timeout?: number | undefined;
  /** Of an authority that the contexts know; the handshake goes on without one, or with a wrong one. */
  readonly asksForCertificate?: boolean;
  /** Whoever reads on owns the connection. */
  readonly onSecure: (tls: TLSSocket) => void;
  /** Told once, of a handshake that came to nothing; both sockets are gone then. */
  readonly onFailed: (reason: string, name: string | undefined) => void;
};

/** Speaks HTTP/1.1 alone over it. */
export function acceptTls(socket: Socket, handshake: TlsHandshake): void {
  const { context, contextFor, timeout = 10_000, asksForCertificate = false } = handshake;
  const tls = new TLSSocket(socket, {
    isServer: true,
    secureContext: context,
    ALPNProtocols: ["http/1.1"],
    requestCert: asksForCertificate,
    rejectUnauthorized: false,
    ...(contextFor && { SNICallback: (name, done) => choose(() => contextFor(name), done) }),
  });
  acknowledgeName(tls, context);
  let isOver = false;
  const fail = (reason: string): void => {
    if (isOver) return;
    isOver = true;
    handshake.onFailed(reason, serverNameOf(tls));
  };
  const timer = setTimeout(() => {
    fail("no TLS handshake in time");
    socket.destroy();
  }, timeout).unref();
  tls.on("error", (error) => {
    fail(reasonOf(error));
    tls.destroy();
  });
  tls.once("close", () => {
    clearTimeout(timer);
    socket.destroy();
  });
  socket.once("close", () => clearTimeout(timer));
  // Half-open is for HTTP: a handshake whose client has hung up will never be done.
  const leave = (): void => {
    fail("the client hung up");
    socket.destroy();
  };
  tls.once("end", leave);
  tls.once("secure", () => {
    isOver = true;
    clearTimeout(timer);
    tls.off("end", leave);
    handshake.onSecure(tls);
  });
}

/** The host that the client named: in this handshake, or in the one whose session it resumes. */
export function serverNameOf(connection: Socket): string | undefined {
  if (!(connection instanceof TLSSocket)) return undefined;
  const name: unknown = Reflect.get(connection, "servername");
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** A context to serve with; clients show certificates of these authorities, where there are any. */
export function serverContext(
  pair: { readonly cert: string; readonly key: string },
  clientAuthorities: readonly string[],
): SecureContext {
  // No trust store: left out, the context would carry the system's.
  if (clientAuthorities.length === 0) return createSecureContext({ ...pair, ca: [] });
  return createSecureContext({
    ...pair,
    ca: [...clientAuthorities],
    sessionIdContext: "client certificates",
    // A session that is resumed shows no certificate, and holds on to one that has ended meanwhile.
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
}

/** Why the certificate that a client was asked for is not good enough: a code of OpenSSL's, or `NONE`. */
export function certificateFault(tls: TLSSocket): string | undefined {
  if (tls.getPeerX509Certificate() === undefined) return "NONE";
  const handle: unknown = Reflect.get(tls, "_handle");
  // Only a server of Node's own says in public what its verification came to.
  const verify: unknown = handle instanceof Object ? Reflect.get(handle, "verifyError") : undefined;
  if (typeof verify !== "function") return "UNKNOWN";
  const fault: unknown = verify.call(handle);
  if (fault === null || fault === undefined) return undefined;
  return fault instanceof Error ? reasonOf(fault) : "UNKNOWN";
}

/**
 * A TLS 1.2 session holds the name of its first handshake only if that was acknowledged (RFC 6066 §3),
 * which Node does for a name it knows the context of before it calls anybody.
 */
function acknowledgeName(tls: TLSSocket, { context }: SecureContext): void {
  const handle: unknown = Reflect.get(tls, "_handle");
  if (typeof handle === "object" && handle !== null) Reflect.set(handle, "sni_context", context);
}

function choose(
  find: () => SecureContext,
  done: (error: Error | null, context?: SecureContext) => void,
): void {
  try {
    done(null, find());
  } catch (error) {
    done(error instanceof Error ? error : new Error("no certificate", { cause: error }));
  }
}

function reasonOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
