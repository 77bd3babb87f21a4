/**
 * Whether a request may come from a page of somebody else: a browser says so, or the name it was sent
 * to could be an outsider's, led here by DNS. Such a request gets what is public, and writes nothing.
 * No other field decides: a page under a rebound name can forge the rest.
 */
import type { IncomingMessage } from "node:http";
import { type HostPort, isAddress, parseHostPort } from "../../protocol/http/host-port.ts";

/** Why a client is foreign, in a sentence that says what to set. */
export type Foreign = {
  readonly sentence: string;
  /** The name that is not known to be ours, where that is the reason. */
  readonly name?: string;
};

const otherSite: Foreign = {
  sentence:
    "a page of another site asks, and may have public images alone; set PUBLIC_URL on the proxy to the address people open it by, and ask from there",
};

/** By what a browser says: at the doors that bear a name of ours. `host` is what was asked. */
export function asOtherSite(
  { headers }: IncomingMessage,
  host: HostPort | undefined,
): Foreign | undefined {
  const site = String(headers["sec-fetch-site"] ?? "");
  if (/cross-site|same-site/i.test(site)) return otherSite;
  const { origin } = headers;
  return origin === undefined || isOriginOf(host, origin) ? undefined : otherSite;
}

/**
 * Whether a page asks, at the proxy door. One of the registry's own counts too: people may put pages there,
 * and another site may frame them.
 */
export function isOfPage(request: IncomingMessage, host: HostPort): boolean {
  const site = String(request.headers["sec-fetch-site"] ?? "");
  return /same-origin/i.test(site) || asOtherSite(request, host) !== undefined;
}

/** By the name that it was sent to: at mirror, hosted registry and front page. */
export function asOutsidersName(
  { headers }: IncomingMessage,
  host: HostPort | undefined,
  isSafe: (host: string) => boolean,
): Foreign | undefined {
  // Browsers always send one.
  if (headers.host === undefined) return undefined;
  if (host === undefined) return { sentence: "the Host field is no host name" };
  if (isSafe(host.host)) return undefined;
  const { host: name } = host;
  const sentence = `${name} is no name the proxy knows as its own, and gives public images alone; if it is yours, set PUBLIC_URL=https://${name} on the proxy, or add it to MIRROR_HOSTS`;
  return { sentence, name };
}

/** Top-level names that nobody outside of a network can own (RFC 2606, 6761, 6762, 8375, 9476). */
const innerDomains = /\.(?:local|lan|home\.arpa|internal|localhost|svc|test)$/;

/** Whether no outsider can make this name lead to an address of his choice. */
export function isInnerName(host: string): boolean {
  return isAddress(host) || !host.includes(".") || innerDomains.test(host);
}

/** The scheme is left out, and so is which of the usual ports it is: an ingress may end TLS. */
function isOriginOf(host: HostPort | undefined, origin: string): boolean {
  const named = parseHostPort(origin.replace(/^https?:\/\//i, ""), 443);
  if (named === undefined || host === undefined || named.host !== host.host) return false;
  return named.port === host.port || (isUsual(named.port) && isUsual(host.port));
}

function isUsual(port: number): boolean {
  return port === 443 || port === 80;
}
