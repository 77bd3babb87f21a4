/** What a request's head says before anything is answered: whether it may be read at all, and which host it is for. */
import type { IncomingMessage } from "node:http";
import {
  formatHostPort,
  type HostPort,
  isAddress,
  parseHostPort,
} from "../../protocol/http/host-port.ts";
import { requestFault } from "../../protocol/http/strict-request.ts";
import type { Refusal } from "../refusal.ts";

/** What a connection that came through CONNECT has to be held to. */
type Named = {
  readonly address: HostPort;
  readonly isTls: boolean;
  /** The name the client's handshake asked for. */
  readonly sni: () => string | undefined;
};

/** CONNECT authority, SNI and Host must name the same host; a client that mixes them is told so. */
export function mismatch(request: IncomingMessage, inside: Named): Refusal | undefined {
  if (!request.url?.startsWith("/")) return { status: 400, sentence: "the target must be a path" };
  const { address, isTls } = inside;
  const sni = inside.sni();
  if (isTls && sni === undefined && !isAddress(address.host)) {
    return { status: 421, sentence: `the TLS handshake named no host, CONNECT ${address.host}` };
  }
  const isSni = sni === undefined || sni === address.host;
  if (!isSni && parseHostPort(sni, 443)?.host !== address.host) {
    return { status: 421, sentence: `the TLS handshake named another host than ${address.host}` };
  }
  const named = request.headers.host;
  if (named === undefined || named === formatHostPort(address, isTls ? 443 : 80)) return undefined;
  const host = hostOf(request, isTls);
  if (host?.host === address.host && host.port === address.port) return undefined;
  return { status: 421, sentence: `the Host field names another host than ${address.host}` };
}

/** Whom its Host field names. */
export function hostOf(request: IncomingMessage, isTls: boolean): HostPort | undefined {
  return parseHostPort(request.headers.host ?? "", isTls ? 443 : 80);
}

/** Why this request is refused whole, or undefined. */
export function framingProblem(request: IncomingMessage): Refusal | undefined {
  const { method = "", url: target = "", httpVersion, rawHeaders } = request;
  const fault = requestFault({ method, target, httpVersion, rawHeaders });
  return fault === undefined ? undefined : { status: 400, sentence: fault };
}

/** `Upgrade: h2c` (curl --http2) may be ignored and is; a WebSocket's client needs to hear the no. */
export function webSocketRefused(request: IncomingMessage): Refusal | undefined {
  if (!isWebSocket(request)) return undefined;
  const sentence = "WebSockets are relayed to an intercepted host's own pages alone, by CONNECT";
  return { status: 501, sentence };
}

export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.trim().toLowerCase() === "websocket";
}
