/** Which host a request is for, by its target, its Host field and the TLS name it came under. */
import type { IncomingMessage } from "node:http";
import {
  formatHostPort,
  type HostPort,
  isAddress,
  parseHostPort,
} from "../../protocol/http/host-port.ts";
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

/** `http://host[:port]/path`, without user info; anything else is undefined. */
export function parseAbsolute(url: string): { address: HostPort; target: string } | undefined {
  const match = /^http:\/\/([^/?#@]+)([/?][^#]*)?$/i.exec(url);
  const address = parseHostPort(match?.[1] ?? "", 80);
  if (address === undefined) return undefined;
  const rest = match?.[2] ?? "/";
  return { address, target: rest.startsWith("/") ? rest : `/${rest}` };
}

export function hostOf(request: IncomingMessage, isTls: boolean): HostPort | undefined {
  return parseHostPort(request.headers.host ?? "", isTls ? 443 : 80);
}
