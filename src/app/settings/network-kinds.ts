/** Settings that name hosts, addresses and ports. */
import { type AddressRange, parseAddressRange } from "../../protocol/http/address-range.ts";
import { isAddress, parseHostPort } from "../../protocol/http/host-port.ts";
import { type Registry, registryAt, type Scheme } from "../../protocol/registry-name.ts";
import { type CorporateProxy, parseCorporateProxy } from "../../upstream/net/corporate-proxy.ts";
import { type Kind, kind, QuotedValue, WrongValue } from "./kind.ts";

/** What to listen on: an address, or a name that resolves to one. */
export const listenHost: Kind<string> = kind(
  "address",
  "an address to listen on, such as 127.0.0.1 or ::",
  (text) => {
    const host = text.trim().replace(/^\[(.*)\]$/, "$1");
    return isAddress(host) ? host : bareHost(host);
  },
);

export const addressRange: Kind<string> = kind(
  "range",
  "an address or a range such as 192.168.0.0/16 or fd00::/8",
  (text) => {
    const range = parseAddressRange(text);
    if (range !== undefined && isNobody(range)) {
      const what = `${range.address}/0, if everybody is meant`;
      throw new QuotedValue(["has", range.address, ", which is nobody's address"], what);
    }
    return range === undefined ? undefined : text.trim();
  },
);

/** `0.0.0.0` is everywhere to who listens, and nobody as a client. */
function isNobody({ address, bits, family }: AddressRange): boolean {
  return bits === (family === "ipv4" ? 32 : 128) && /^[0:.]+$/.test(address);
}

/** `ghcr.io`, `registry.lan:5000`, `*.example.com`; `.example.com` as nginx writes it. */
export const hostPattern: Kind<string> = kind(
  "host",
  "a host such as ghcr.io, registry.lan:5000 or *.example.com, without https://",
  readPattern,
);

function readPattern(text: string): string | undefined {
  const pattern = text.trim().toLowerCase().replace(/^\./, "*.").replace(/\.$/, "");
  // A star takes the place of a label or of a part of one.
  return parseHostPort(pattern.replaceAll("*", "x"), 443) === undefined ? undefined : pattern;
}

/** Registries by a host pattern; `http://` in front says that they speak no TLS. */
export const registryPattern: Kind<{ readonly pattern: string; readonly scheme: Scheme }> = kind(
  "host",
  "a host such as ghcr.io, registry.lan:5000, *.example.com or http://registry.lan:5000",
  (text) => {
    const [scheme, host] = splitScheme(text);
    const pattern = readPattern(host);
    return pattern === undefined ? undefined : { pattern, scheme };
  },
);

/** A host of our own: no port, no pattern. */
export const hostName: Kind<string> = kind("host", "a host name, without a port", (text) =>
  bareHost(text.trim()),
);

function bareHost(text: string): string | undefined {
  return /:\d+$/.test(text) ? undefined : parseHostPort(text, 1)?.host;
}

/** Where a service of the web answers. */
export const webAddress: Kind<string> = kind(
  "URL",
  "an address such as https://mirror.example.com",
  (value) => {
    const url = value.trim();
    return /^https?:\/\/[^\s/?#@]+(?:[/?#]|$)/i.test(url) && URL.canParse(url) ? url : undefined;
  },
);

/** Where certificates are ordered (RFC 8555 §7.1.1). */
export const acmeDirectory: Kind<string> = kind(
  "URL",
  "an address such as https://ca.example.com/acme/directory",
  (value) => webAddress.parse(value),
);

/** A registry as an upstream: `ghcr.io`, `registry.lan:5000`, `http://127.0.0.1:5000`. */
export const registry: Kind<Registry> = kind(
  "registry",
  "a registry such as docker.io, registry.lan:5000 or http://127.0.0.1:5000",
  (text) => parseRegistry(text),
);

export function parseRegistry(text: string): Registry | undefined {
  const [scheme, host] = splitScheme(text);
  const address = parseHostPort(host, scheme === "http" ? 80 : 443);
  return address === undefined ? undefined : registryAt(address, scheme);
}

/** https unless the text says http; a slash at the end, as in a URL, means nothing. */
function splitScheme(text: string): readonly [Scheme, string] {
  const [, prefix, host = ""] = /^(?:(https?):\/\/)?(.*?)\/?$/i.exec(text.trim()) ?? [];
  return [prefix?.toLowerCase() === "http" ? "http" : "https", host];
}

/** Never shown: it may hold a password. */
export const corporateProxy: Kind<CorporateProxy> = {
  word: "url",
  hint: "a proxy such as http://proxy.example:8080 or http://user:password@proxy.example:8080",
  parse: (raw) => {
    const proxy = typeof raw === "string" ? parseCorporateProxy(raw.trim()) : undefined;
    if (proxy === undefined) throw new WrongValue("is not a proxy's address");
    return proxy;
  },
};
