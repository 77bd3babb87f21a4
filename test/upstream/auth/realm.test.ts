import { describe, expect, it } from "vitest";
import { mayAskRealm, parseRealm, printRealm, realmKey } from "../../../src/upstream/auth/realm.ts";
import { registry } from "./loopback.ts";

describe("a realm", () => {
  it.each([
    ["https://auth.docker.io/token", "https://auth.docker.io/token"],
    ["HTTPS://Auth.Docker.IO:443/token", "https://auth.docker.io/token"],
    ["https://auth.docker.io./token", "https://auth.docker.io/token"],
    ["https://reg.example:8443/token", "https://reg.example:8443/token"],
    ["http://reg.lan:5000/token", "http://reg.lan:5000/token"],
    ["https://reg.example", "https://reg.example/"],
    ["https://public.ecr.aws/token/", "https://public.ecr.aws/token/"],
  ])("%s is %s", (text, key) => {
    const realm = parseRealm(text);
    expect(realm && realmKey(realm)).toBe(key);
  });

  it.each([
    "https://auth.docker.io@evil.example/token",
    "https://user:pass@auth.docker.io/token",
    "https://evil.example\\@auth.docker.io/token",
    "https://auth.docker.io\\.evil.example/token",
    "https://auth.docker.io/token#fragment",
    "https://auth.docker.io/to ken",
    "https://auth.docker.io/token\r\nX: y",
    "https://аuth.docker.io/token",
    "https://①②⑦.0.0.1/token",
    "https://0x7f.1/token",
    "https://2130706433/token",
    "https://auth.docker.io:0/token",
    "https://auth.docker.io:99999/token",
    "ftp://auth.docker.io/token",
    "//auth.docker.io/token",
    "/token",
    "",
    `https://auth.docker.io/${"x".repeat(5_000)}`,
  ])("is not %s", (text) => {
    expect(parseRealm(text)).toBeUndefined();
  });

  it("keeps its query apart from what is ours to ask, and from scopes", () => {
    const text =
      "https://nvcr.io/proxy_auth?group=a%20b&scope=repository:x/y:pull,push&offline_token=true&Account=bob&x";
    const realm = parseRealm(text);
    expect(realm?.query).toEqual(["group=a%20b", "x"]);
    expect(realm?.scopes).toEqual(["repository:x/y:pull,push"]);
    expect(realm && printRealm(realm)).toBe("https://nvcr.io/proxy_auth?group=a%20b&x");
  });
});

describe("where a token may be asked for", () => {
  it.each([
    ["https://auth.docker.io/token", registry("docker.io"), true],
    ["https://elsewhere.example/token", registry("docker.io"), true],
    ["http://registry-1.docker.io/token", registry("docker.io"), false],
    ["http://auth.docker.io/token", registry("docker.io"), false],
    ["https://10.0.0.1/token", registry("docker.io"), false],
    ["https://[::1]/token", registry("docker.io"), false],
    ["https://10.0.0.1:5000/token", registry("10.0.0.1:5000"), true],
    ["https://10.0.0.1:5001/token", registry("10.0.0.1:5000"), false],
    ["http://reg.lan:5000/token", registry("reg.lan:5000", "http"), true],
    ["http://reg.lan:5001/token", registry("reg.lan:5000", "http"), false],
    ["http://other.lan:5000/token", registry("reg.lan:5000", "http"), false],
    ["https://auth.lan/token", registry("reg.lan:5000", "http"), true],
  ])("%s for %o: %s", (text, asker, expected) => {
    const realm = parseRealm(text);
    if (realm === undefined) throw new Error("no realm");
    expect(mayAskRealm(realm, asker)).toBe(expected);
  });
});
