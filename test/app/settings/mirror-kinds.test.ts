import { describe, expect, it } from "vitest";
import type { Kind } from "../../../src/app/settings/kind.ts";
import { mirrorConfig, mirrorHosts, mirrorLogin } from "../../../src/app/settings/mirror-kinds.ts";
import { parseCorporateProxy } from "../../../src/upstream/net/corporate-proxy.ts";

const hub = { name: "docker.io", scheme: "https" };

describe("settings of the mirror", () => {
  it("pair names of our own with registries", () => {
    const expected = [
      { host: "hub.example.com", registry: hub },
      { host: "lan.example.com", registry: { name: "http://reg.lan:5000", scheme: "http" } },
    ];
    const text = "Hub.example.com=index.docker.io lan.example.com=http://reg.lan:5000";
    expect(mirrorHosts.parse(text)).toEqual(expected);
    const map = { "hub.example.com": "docker.io", "lan.example.com": "http://reg.lan:5000" };
    expect(mirrorHosts.parse(map)).toEqual(expected);
    expect(mirrorHosts.parse("")).toEqual([]);
  });

  it("take a name of ours alone, and what clients call a registry besides", () => {
    expect(mirrorHosts.parse("Mirror.corp hub.x=mirror.gcr.io?ns=index.docker.io")).toEqual([
      { host: "mirror.corp", registry: undefined },
      {
        host: "hub.x",
        registry: { name: "mirror.gcr.io", scheme: "https" },
        namespace: "docker.io",
      },
    ]);
  });

  it("read the list of docker-registry-cache", () => {
    const list = [
      {
        registry: "registry-1.docker.io",
        variables: {
          REGISTRY_PROXY_USERNAME: "me",
          REGISTRY_PROXY_PASSWORD: "secret",
          REGISTRY_STORAGE: "s3",
          https_proxy: "http://out.lan:3128",
          NO_PROXY: ".lan",
        },
      },
      "ghcr.io",
      { registry: "gcr.io", variables: { REGISTRY_PROXY_REMOTEURL: "https://mirror.gcr.io" } },
      { registry: "quay.io", externalUri: "http://cache.lan:5000", healthcheck: false },
    ];
    const plain = { remote: undefined, login: undefined, proxies: undefined, unread: [] };
    const https = (name: string) => ({ name, scheme: "https" });
    expect(mirrorConfig.parse(list)).toEqual([
      {
        ...{ registry: hub, remote: undefined, login: { user: "me", password: "secret" } },
        proxies: { https: parseCorporateProxy("out.lan:3128"), http: undefined, except: ".lan" },
        unread: ["REGISTRY_STORAGE in entry 1"],
      },
      { registry: https("ghcr.io"), ...plain },
      { registry: https("gcr.io"), ...plain, remote: https("mirror.gcr.io") },
      {
        registry: https("quay.io"),
        ...plain,
        remote: { name: "http://cache.lan:5000", scheme: "http" },
        unread: ["healthcheck in entry 4"],
      },
    ]);
  });

  it("take the name at which clients log in", () => {
    expect(mirrorLogin.parse("Reg.Example.com")).toBe("reg.example.com");
  });

  it.each<[unknown, Kind<unknown>, RegExp]>([
    ["hub.example.com=", mirrorHosts, /has "hub.example.com="/],
    ["hub.example.com=a?ns=b/c", mirrorHosts, /has "hub.example.com=a\?ns=…"/],
    ["hub.example.com=a?x=b", mirrorHosts, /has "hub.example.com=a\?x=…"/],
    ["hub.example.com=a/b", mirrorHosts, /has "hub.example.com=a\/b"/],
    ["a.lan:80=docker.io", mirrorHosts, /a.lan:80/],
    ["a.lan=docker.io A.lan=ghcr.io", mirrorHosts, /has a.lan twice/],
    ["docker.io", mirrorConfig, /is not a list/],
    [[{ variables: {} }], mirrorConfig, /has no registry in entry 1/],
    [[{ registry: "a", variables: [] }], mirrorConfig, /variables of entry 1/],
    [
      [{ registry: "a", variables: { REGISTRY_PROXY_USERNAME: "u" } }],
      mirrorConfig,
      /half a login/,
    ],
    [
      [{ registry: "a", variables: { http_proxy: "ftp://u:CANARY@p" } }],
      mirrorConfig,
      /^has no proxy's address as http_proxy of entry 1$/,
    ],
  ])("refuse %j (%#)", (raw, kind, sentence) => {
    expect(() => kind.parse(raw)).toThrow(sentence);
  });
});
