import { describe, expect, it } from "vitest";
import type { Kind } from "../../../src/app/settings/kind.ts";
import {
  authRealms,
  authRegistries,
  registryEntry,
  unverifiedHosts,
} from "../../../src/app/settings/registry-kinds.ts";

describe("settings about registries", () => {
  it("take a host, or a host with what is special about it", () => {
    expect(registryEntry.parse("ghcr.io")).toEqual({
      pattern: "ghcr.io",
      scheme: "https",
      proxy: undefined,
      hasOwnLogin: false,
    });
    const entry = { host: "registry.lan:5000", proxy: "direct", own_login: true };
    expect(registryEntry.parse(entry)).toEqual({
      pattern: "registry.lan:5000",
      scheme: "https",
      proxy: "direct",
      hasOwnLogin: true,
    });
    expect(registryEntry.parse({ host: "http://a.lan:5000" })).toMatchObject({
      pattern: "a.lan:5000",
      scheme: "http",
    });
    expect(registryEntry.parse({ host: "a.lan", proxy: "http://p:1" }).proxy).toMatchObject({
      address: { host: "p", port: 1 },
    });
  });

  it("leave the text of logins to its delimiters, and read maps", () => {
    expect(authRegistries.parse("a:b:c d:e:f")).toEqual({
      texts: [{ text: "a:b:c d:e:f", isOneEntry: false }],
      entries: [],
    });
    const list = [
      "ghcr.io:user:pass word",
      { host: "quay.io", user: "u", password: "p", repositories: "team/** lab/*" },
      { host: "reg.lan:5000", identity_token: "t" },
      { host: "1.dkr.ecr.eu-west-1.amazonaws.com", helper: "ecr-login" },
    ];
    expect(authRegistries.parse(list)).toEqual({
      texts: [{ text: "ghcr.io:user:pass word", isOneEntry: true }],
      entries: [
        {
          address: { host: "quay.io", port: 443 },
          login: { kind: "password", user: "u", password: "p" },
          repositories: ["team/**", "lab/*"],
        },
        { address: { host: "reg.lan", port: 5000 }, login: { kind: "identity", token: "t" } },
        {
          address: { host: "1.dkr.ecr.eu-west-1.amazonaws.com", port: 443 },
          login: {
            kind: "helper",
            helper: "ecr-login",
            server: "1.dkr.ecr.eu-west-1.amazonaws.com",
          },
        },
      ],
    });
  });

  it("take pairs of registry and token host as text, list or map", () => {
    const pairs = [{ registry: "reg.example.com", tokenHost: "git.example.com" }];
    expect(authRealms.parse("reg.example.com=git.example.com")).toEqual(pairs);
    expect(authRealms.parse(["reg.example.com=git.example.com"])).toEqual(pairs);
    expect(authRealms.parse({ "reg.example.com": "git.example.com" })).toEqual(pairs);
    expect(authRealms.parse("")).toEqual([]);
  });

  it("name the hosts whose certificates are not checked, one by one", () => {
    expect(unverifiedHosts.parse("true")).toEqual([]);
    expect(unverifiedHosts.parse("a.lan:5000=false, b.lan=FALSE")).toEqual(["a.lan:5000", "b.lan"]);
    expect(unverifiedHosts.parse({ "a.lan:5000": false })).toEqual(["a.lan:5000"]);
  });

  it.each<[unknown, Kind<unknown>, RegExp]>([
    [{ proxy: "direct" }, registryEntry, /has no host in an entry/],
    [
      { host: "a", proxy: "ftp://u:CANARY-p@x" },
      registryEntry,
      /^cannot be read: proxy of an entry/,
    ],
    [{ a: 1 }, authRegistries, /neither text nor a list/],
    [[{ host: "a", user: "CANARY-u" }], authRegistries, /has no password in entry 1/],
    [[{ host: "a b", user: "u", password: "CANARY" }], authRegistries, /host of entry 1 makes no/],
    [["a:b:c", 5], authRegistries, /has no fields in entry 2/],
    ["reg.example.com", authRealms, /has "reg.example.com"/],
    ["https://alice:CANARY-p@git.example.com", authRealms, /has "https:\/\/…@git.example.com"/],
    ["false", unverifiedHosts, /would leave every registry unchecked/],
    ["a.lan", unverifiedHosts, /has "a.lan"/],
  ])("refuse %j (%#)", (raw, kind, sentence) => {
    expect(() => kind.parse(raw)).toThrow(sentence);
    expect(() => kind.parse(raw)).not.toThrow(/CANARY/);
  });
});
