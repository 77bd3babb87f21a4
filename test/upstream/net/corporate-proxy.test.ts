import { describe, expect, it } from "vitest";
import { type HostPort, parseHostPort } from "../../../src/protocol/http/host-port.ts";
import { canonicalRegistry, type RegistryName } from "../../../src/protocol/registry-name.ts";
import {
  CorporateProxies,
  type ProxySettings,
  parseCorporateProxy,
} from "../../../src/upstream/net/corporate-proxy.ts";

function address(text: string): HostPort {
  const parsed = parseHostPort(text, 443);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

type Variables = {
  readonly HTTPS_PROXY?: string;
  readonly HTTP_PROXY?: string;
  readonly NO_PROXY?: string;
};

/** What settings make of these variables. */
function settings({ HTTPS_PROXY = "", HTTP_PROXY = "", NO_PROXY = "" }: Variables): ProxySettings {
  const https = parseCorporateProxy(HTTPS_PROXY);
  const http = parseCorporateProxy(HTTP_PROXY);
  return { https, http, except: NO_PROXY, perRegistry: new Map() };
}

describe("a proxy's address", () => {
  it.each([
    ["http://proxy.corp:8080", "http", "proxy.corp", 8080],
    ["proxy.corp:8080", "http", "proxy.corp", 8080],
    ["http://proxy.corp", "http", "proxy.corp", 80],
    ["http://proxy.corp/", "http", "proxy.corp", 80],
    ["https://proxy.corp", "https", "proxy.corp", 443],
    ["http://[fd00::1]:3128", "http", "fd00::1", 3128],
  ])("%s", (text, scheme, host, port) => {
    const proxy = { scheme, address: { host, port }, authorization: undefined };
    expect(parseCorporateProxy(text)).toEqual(proxy);
  });

  it("may carry a login with any characters in it", () => {
    const proxy = parseCorporateProxy("http://me:CANARY-p%40ss%3A%20x@proxy.corp:8080");
    const login = Buffer.from("me:CANARY-p@ss: x").toString("base64");
    expect(proxy?.authorization).toBe(`Basic ${login}`);
  });

  it.each(["socks5://proxy.corp:1080", "http://", "http://proxy:99999", "http://%zz@proxy"])(
    "%s is none",
    (text) => expect(parseCorporateProxy(text)).toBeUndefined(),
  );
});

describe("which proxy applies", () => {
  const both = settings({ HTTPS_PROXY: "http://secure:1", HTTP_PROXY: "http://plain:2" });

  it("goes by the scheme", () => {
    const proxies = new CorporateProxies(both);
    expect(proxies.for("https", address("ghcr.io"), undefined)?.address.host).toBe("secure");
    expect(proxies.for("http", address("ghcr.io:80"), undefined)?.address.host).toBe("plain");
  });

  it.each([
    ["registry.lan", "registry.lan", true],
    ["registry.lan", "registry.lan:5000", true],
    ["registry.lan:5000", "registry.lan:5000", true],
    ["registry.lan:5000", "registry.lan:5001", false],
    ["corp.example", "registry.corp.example", true],
    [".corp.example", "registry.corp.example", true],
    [".corp.example", "corp.example", true],
    ["*.corp.example", "registry.corp.example", true],
    ["corp.example", "evilcorp.example", false],
    ["corp.example", "corp.example.evil", false],
    ["CORP.example", "registry.corp.example", true],
    ["*", "ghcr.io", true],
    ["a.test, b.test  c.test", "c.test", true],
    ["10.0.0.0/8", "10.1.2.3", true],
    ["10.0.0.0/8", "11.1.2.3", false],
    ["10.0.0.0/99", "10.1.2.3", false],
    ["10.1.2.3", "10.1.2.3:5000", true],
    ["fd00::/8", "[fd12::1]:5000", true],
    ["[fd00::1]:5000", "[fd00::1]:5000", true],
    ["fd00::1", "[fd00::1]:443", true],
    ["", "localhost:5000", true],
    ["", "127.0.0.1:5000", true],
    ["", "[::1]:5000", true],
    ["", "ghcr.io", false],
  ])("NO_PROXY=%j covers %s: %s", (except, host, isDirect) => {
    const proxies = new CorporateProxies({ ...both, except });
    expect(proxies.for("https", address(host), undefined) === undefined).toBe(isDirect);
  });

  it("may be a registry's own, whatever NO_PROXY says", () => {
    const own = parseCorporateProxy("http://own:9");
    if (own === undefined) throw new Error("malformed");
    const perRegistry = new Map<RegistryName, typeof own | "direct">();
    const [ghcr, quay] = [canonicalRegistry("ghcr.io"), canonicalRegistry("quay.io")];
    if (ghcr === undefined || quay === undefined) throw new Error("malformed");
    perRegistry.set(ghcr, own).set(quay, "direct");
    const proxies = new CorporateProxies({ ...both, except: "*", perRegistry });
    expect(proxies.for("https", address("cdn.example"), ghcr)).toBe(own);
    expect(proxies.for("https", address("cdn.example"), quay)).toBeUndefined();
    expect(proxies.all()).toHaveLength(3);
  });
});
