/**
 * A host and a port, checked against a strict grammar before any resolver or URL parser sees them:
 * `new URL` reads `0x7f.1` and `①②⑦.0.0.1` as 127.0.0.1, this refuses both.
 */
import { isIPv4, isIPv6 } from "node:net";

/** `host` is a lower-case DNS name without a trailing dot, an IPv4 or an IPv6 literal without brackets. */
export type HostPort = { readonly host: string; readonly port: number };

/** The underscore is no host name's (RFC 952), and is used in names all the same. */
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Parses `host`, `host:port`, `[v6]` or `[v6]:port`; undefined when malformed or without any port. */
export function parseHostPort(text: string, defaultPort?: number): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] === undefined ? parseHost(match[2] ?? "") : parseIPv6(match[1]);
  const port = match[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port === undefined || port < 1 || port > 65_535) return undefined;
  return { host, port };
}

/** Prints it back, with brackets around IPv6 and without the port when it is `defaultPort`. */
export function formatHostPort(value: HostPort, defaultPort?: number): string {
  const host = value.host.includes(":") ? `[${value.host}]` : value.host;
  return value.port === defaultPort ? host : `${host}:${value.port}`;
}

/** Whether the host is an address and not a name. */
export function isAddress(host: string): boolean {
  return isIPv4(host) || isIPv6(host);
}

function parseIPv6(text: string): string | undefined {
  if (!isIPv6(text)) return undefined;
  // The URL parser is safe here (the text is known to be IPv6) and gives the canonical spelling.
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

function parseHost(text: string): string | undefined {
  // Before lower case: the Kelvin sign's lower-case letter is a plain k.
  if (!/^[\x21-\x7e]*$/.test(text)) return undefined;
  const name = text.toLowerCase().replace(/\.$/, "");
  if (name.length === 0 || name.length > 253) return undefined;
  if (isIPv4(name)) return name;
  const labels = name.split(".");
  const last = labels.at(-1) ?? "";
  // A name whose last label is a number is an odd spelling of an IPv4 address (WHATWG URL, 3.5).
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(last)) return undefined;
  return labels.every((part) => label.test(part)) ? name : undefined;
}
