import { describe, expect, it } from "vitest";
import type { Kind } from "../../../src/app/settings/kind.ts";
import {
  addressRange,
  corporateProxy,
  hostName,
  hostPattern,
  listenHost,
  registry,
  registryPattern,
  webAddress,
} from "../../../src/app/settings/network-kinds.ts";

describe("settings that name hosts and addresses", () => {
  it.each([
    ["::", listenHost, "::"],
    ["[::1]", listenHost, "::1"],
    ["0.0.0.0", listenHost, "0.0.0.0"],
    ["Proxy.Lan", listenHost, "proxy.lan"],
    ["10.0.0.0/8", addressRange, "10.0.0.0/8"],
    ["::1", addressRange, "::1"],
    ["fd00::/8", addressRange, "fd00::/8"],
    ["0.0.0.0/0", addressRange, "0.0.0.0/0"],
    ["::/0", addressRange, "::/0"],
    ["GHCR.io.", hostPattern, "ghcr.io"],
    ["*.example.com", hostPattern, "*.example.com"],
    [".example.com", hostPattern, "*.example.com"],
    ["registry.lan:5000", hostPattern, "registry.lan:5000"],
    ["*-docker.pkg.dev", hostPattern, "*-docker.pkg.dev"],
    ["[fd00::1]:5000", hostPattern, "[fd00::1]:5000"],
    ["http://Reg.lan:5000/", registryPattern, { pattern: "reg.lan:5000", scheme: "http" }],
    ["https://*.lan", registryPattern, { pattern: "*.lan", scheme: "https" }],
    ["ghcr.io", registryPattern, { pattern: "ghcr.io", scheme: "https" }],
    ["Hub.Example.com", hostName, "hub.example.com"],
    ["index.docker.io", registry, { name: "docker.io", scheme: "https" }],
    ["https://registry-1.docker.io/", registry, { name: "docker.io", scheme: "https" }],
    ["http://127.0.0.1:5000", registry, { name: "http://127.0.0.1:5000", scheme: "http" }],
    ["http://plain.lan", registry, { name: "http://plain.lan:80", scheme: "http" }],
  ])("read %s (%#)", (raw: unknown, kind: Kind<unknown>, expected) => {
    expect(kind.parse(raw)).toEqual(expected);
  });

  it.each([
    ["a b", listenHost],
    ["127.0.0.1:80", listenHost],
    ["10.0.0.0/33", addressRange],
    ["0.0.0.0", addressRange],
    ["::", addressRange],
    ["10.0.0", addressRange],
    ["10.0.0.0/8/8", addressRange],
    ["lan", addressRange],
    ["https://ghcr.io", hostPattern],
    ["ghcr.io/owner", hostPattern],
    ["0x7f.1", hostPattern],
    ["http://ghcr.io/owner", registryPattern],
    ["ftp://ghcr.io", registryPattern],
    ["http://", registryPattern],
    ["hub.example.com:443", hostName],
    ["ftp://x", registry],
    ["ghcr.io/owner", registry],
    ["ftp://proxy", corporateProxy],
    [{ host: "x" }, corporateProxy],
  ])("refuse %s (%#)", (raw: unknown, kind: Kind<unknown>) => {
    expect(() => kind.parse(raw)).toThrow();
  });

  it("never quote a proxy's address, which may hold a password", () => {
    expect(() => corporateProxy.parse("http://u:CANARY-p@ :80")).toThrow(
      "is not a proxy's address",
    );
    expect(corporateProxy.parse("http://u:p@proxy:8080").address).toEqual({
      host: "proxy",
      port: 8080,
    });
  });
});

describe("the address of a service of the web", () => {
  it.each(["https://ca.lan:9000/acme/acme/directory", "http://127.0.0.1:14000/dir"])(
    "%s is one",
    (value) => {
      expect(webAddress.parse(` ${value} `)).toBe(value);
    },
  );

  it.each(["nonsense", "ca.lan/directory", "https://", "https:///x", "ftp://a/b", "https://a b/"])(
    "%j is none",
    (value) => {
      expect(() => webAddress.parse(value)).toThrow();
    },
  );
});
