/** What a request's head says before anything is answered: whether it may be read at all, and which host it is for. */
import type { IncomingMessage } from "node:http";
import {
  formatHostPort,
  type HostPort,
  isAddress,
  parseHostPort,
} from "../../protocol/http/host-port.ts";
import type { Refusal } from "../refusal.ts";
import { maxHeaderFields } from "./listener.ts";

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

/** `Upgrade: h2c` (curl --http2) may be ignored and is; a WebSocket's client needs to hear the no. */
export function webSocketRefused(request: IncomingMessage): Refusal | undefined {
  if (!isWebSocket(request)) return undefined;
  const sentence = "WebSockets are relayed to an intercepted host's own pages alone, by CONNECT";
  return { status: 501, sentence };
}

export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.trim().toLowerCase() === "websocket";
}

type RequestHead = Pick<IncomingMessage, "method" | "url" | "httpVersion" | "rawHeaders">;

const maxTargetLength = 8192;
/** Node's parser also takes 0.9 and 2.0, which have no such heads. */
const versions: ReadonlySet<string> = new Set(["1.1", "1.0"]);
const bodiless: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "CONNECT", "TRACE"]);

/**
 * Why this request is refused whole, or undefined: what Node's parser lets through and two servers might
 * read in two ways, several Host fields, a body where none belongs, odd codings. Asked before anything
 * else looks at it.
 */
export function framingProblem(head: RequestHead): Refusal | undefined {
  const fault = requestFault(head);
  return fault === undefined ? undefined : { status: 400, sentence: fault };
}

function requestFault(head: RequestHead): string | undefined {
  const { url: target = "", httpVersion, rawHeaders } = head;
  if (!versions.has(httpVersion)) return `HTTP/1.1 is spoken here, not ${httpVersion}`;
  if (target.length > maxTargetLength) return "the request target is longer than 8 KiB";
  if (!/^[\x21-\x22\x24-\x7e]+$/.test(target))
    return "the request target has characters that are not allowed";
  if (rawHeaders.length > maxHeaderFields * 2)
    return `the request has more than ${maxHeaderFields} header fields`;
  const framing = readFraming(rawHeaders);
  return hostFault(head, framing) ?? framingFault(head, framing);
}

type Framing = { readonly hosts: string[]; readonly lengths: string[]; readonly codings: string[] };

function readFraming(rawHeaders: readonly string[]): Framing {
  const framing: Framing = { hosts: [], lengths: [], codings: [] };
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const value = rawHeaders[index + 1] ?? "";
    const name = (rawHeaders[index] ?? "").toLowerCase();
    if (name === "host") framing.hosts.push(value);
    else if (name === "content-length") framing.lengths.push(value);
    else if (name === "transfer-encoding") framing.codings.push(value);
  }
  return framing;
}

function hostFault(head: RequestHead, { hosts }: Framing): string | undefined {
  if (hosts.length > 1) return "the request has more than one Host field";
  if (hosts.length === 0 && head.httpVersion === "1.1") return "the request has no Host field";
  return undefined;
}

function framingFault(head: RequestHead, framing: Framing): string | undefined {
  const { lengths, codings } = framing;
  if (lengths.length > 1) return "the request has more than one Content-Length field";
  if (lengths.some((value) => !/^\d{1,15}$/.test(value))) {
    return "the Content-Length is not a number";
  }
  const fault = codings.length > 0 ? codingFault(head, framing) : undefined;
  if (fault !== undefined) return fault;
  const hasBody = codings.length > 0 || Number(lengths[0] ?? 0) > 0;
  const { method = "" } = head;
  return hasBody && bodiless.has(method) ? `a ${method} request must not have a body` : undefined;
}

function codingFault(head: RequestHead, { lengths, codings }: Framing): string | undefined {
  if (head.httpVersion !== "1.1") return "Transfer-Encoding needs HTTP/1.1";
  if (lengths.length > 0) return "the request has both Content-Length and Transfer-Encoding";
  if (codings.length > 1 || codings[0]?.trim().toLowerCase() !== "chunked") {
    return "Transfer-Encoding other than chunked is not supported";
  }
  return undefined;
}
