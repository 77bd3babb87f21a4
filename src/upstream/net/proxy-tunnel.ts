/** CONNECT to a corporate proxy on a socket that is already there (RFC 9110 §9.3.6). */
import type { Socket } from "node:net";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import { UpstreamError } from "../upstream-error.ts";
import type { CorporateProxy } from "./corporate-proxy.ts";

export type TunnelAsk = {
  readonly proxy: CorporateProxy;
  readonly target: HostPort;
  readonly signal: AbortSignal;
};

const maxReply = 16_384;

/**
 * Resolves with the same socket once the proxy has agreed; bytes that came after its answer are kept.
 * Otherwise closes the socket and rejects with UpstreamError, or the signal's reason.
 */
export function openTunnel(socket: Socket, ask: TunnelAsk): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  let received = Buffer.alloc(0);
  const stop = (): void => {
    ask.signal.removeEventListener("abort", abort);
    socket.off("readable", read).off("end", ended).off("error", ended).off("close", ended);
  };
  const fail = (error: unknown): void => {
    stop();
    socket.destroy();
    reject(error);
  };
  const abort = (): void => fail(ask.signal.reason);
  const ended = (cause?: unknown): void => {
    fail(proxyError(ask, "RESET", "closed the connection", cause));
  };
  const read = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) {
      if (received.length > maxReply) fail(proxyError(ask, "TOO_LARGE", "sent a huge answer"));
      return;
    }
    const refusal = refusalIn(received.subarray(0, end).toString("latin1"), ask);
    if (refusal !== undefined) {
      fail(refusal);
      return;
    }
    stop();
    const rest = received.subarray(end + 4);
    if (rest.length > 0) socket.unshift(rest);
    resolve(socket);
  };
  socket.on("readable", read).on("end", ended).on("error", ended).on("close", ended);
  ask.signal.addEventListener("abort", abort, { once: true });
  if (ask.signal.aborted) abort();
  else socket.write(request(ask));
  return promise;
}

function request({ proxy, target }: TunnelAsk): string {
  const authority = formatHostPort(target);
  const login =
    proxy.authorization === undefined ? "" : `Proxy-Authorization: ${proxy.authorization}\r\n`;
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${login}\r\n`;
}

function refusalIn(head: string, ask: TunnelAsk): UpstreamError | undefined {
  const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(head.split("\r\n", 1)[0] ?? "")?.[1]);
  if (status >= 200 && status < 300) return undefined;
  if (status === 407) return proxyError(ask, "CONNECT", "wants another login (407)");
  if (Number.isNaN(status)) return proxyError(ask, "PROTOCOL", "answered nonsense");
  return proxyError(ask, "CONNECT", `refused the connection (${status})`);
}

function proxyError(
  ask: TunnelAsk,
  code: "CONNECT" | "PROTOCOL" | "RESET" | "TOO_LARGE",
  what: string,
  cause?: unknown,
): UpstreamError {
  const host = formatHostPort(ask.target, 443);
  const proxy = formatHostPort(ask.proxy.address);
  return new UpstreamError(code, host, `the corporate proxy ${proxy} ${what} for ${host}`, {
    cause,
  });
}
