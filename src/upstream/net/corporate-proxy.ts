/**
 * The proxy that stands between this process and the internet: HTTPS_PROXY, HTTP_PROXY and NO_PROXY
 * in either case, or one of a registry's own. Which one applies, and how a tunnel through it is made.
 */
import { isIPv4, isIPv6 } from "node:net";
import { AddressRanges, parseAddressRange } from "../../protocol/http/address-range.ts";
import { printBasic } from "../../protocol/http/basic-auth.ts";
import { type HostPort, isAddress, parseHostPort } from "../../protocol/http/host-port.ts";
import type { RegistryName, Scheme } from "../../protocol/registry-name.ts";

export type CorporateProxy = {
  readonly scheme: Scheme;
  readonly address: HostPort;
  /** For Proxy-Authorization; a secret, never to be shown. */
  readonly authorization: string | undefined;
};

export type ProxySettings = {
  readonly https: CorporateProxy | undefined;
  readonly http: CorporateProxy | undefined;
  /** NO_PROXY as written. */
  readonly except: string;
  /** A registry's own proxy; "direct" when it is reached without any. */
  readonly perRegistry: ReadonlyMap<RegistryName, CorporateProxy | "direct">;
};

/** `http://user:password@proxy:8080`, `https://…` or a bare `proxy:8080`; undefined when malformed. */
export function parseCorporateProxy(text: string): CorporateProxy | undefined {
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
    return undefined;
  const scheme = url.protocol === "https:" ? "https" : "http";
  const address = parseHostPort(url.host, scheme === "https" ? 443 : 80);
  const login = loginOf(url);
  if (address === undefined || login === undefined) return undefined;
  const hasLogin = login.user !== "" || login.password !== "";
  return { scheme, address, authorization: hasLogin ? printBasic(login) : undefined };
}

export class CorporateProxies {
  readonly #settings: ProxySettings;

  constructor(settings: ProxySettings) {
    this.#settings = settings;
  }

  /** The proxy for this address, or undefined when it is dialled directly. Tunnels count as https. */
  for(
    scheme: Scheme,
    address: HostPort,
    onBehalfOf: RegistryName | undefined,
  ): CorporateProxy | undefined {
    const own = onBehalfOf === undefined ? undefined : this.#settings.perRegistry.get(onBehalfOf);
    if (own !== undefined) return own === "direct" ? undefined : own;
    const usual = this.#settings[scheme];
    return usual === undefined || isExcepted(address, this.#settings.except) ? undefined : usual;
  }

  /** Every proxy there is, for the check that none of them is this process. */
  all(): readonly CorporateProxy[] {
    const own = [...this.#settings.perRegistry.values()].filter((proxy) => proxy !== "direct");
    return [this.#settings.https, this.#settings.http, ...own].filter(
      (proxy) => proxy !== undefined,
    );
  }
}

/** Whether NO_PROXY covers the address: names with their subdomains, addresses, CIDRs, `*`, each with a port or not. */
function isExcepted(address: HostPort, list: string): boolean {
  if (address.host === "localhost" || isLoopback(address.host)) return true;
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => covers(entry.toLowerCase(), address));
}

function covers(entry: string, address: HostPort): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isInRange(entry, address.host);
  const match = isIPv6(entry) ? [entry, entry] : /^(\[[0-9a-f:.]+\]|[^:]+)(?::(\d+))?$/.exec(entry);
  if (match === null) return false;
  if (match[2] !== undefined && match[2] !== `${address.port}`) return false;
  const name = (match[1] ?? "").replace(/^\[|\]$/g, "").replace(/^\*?\./, ".");
  const bare = name.replace(/^\./, "").replace(/\.$/, "");
  // `.example.com` means the subdomains alone to Go and everything to curl; the wider reading is kept.
  return address.host === bare || (!isAddress(bare) && address.host.endsWith(`.${bare}`));
}

function isInRange(text: string, host: string): boolean {
  const range = parseAddressRange(text);
  return range !== undefined && new AddressRanges([range]).has(host);
}

function isLoopback(host: string): boolean {
  return host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function loginOf(url: URL): { user: string; password: string } | undefined {
  try {
    return {
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    };
  } catch {
    return undefined;
  }
}
