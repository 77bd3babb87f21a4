import { describe, expect, it } from "vitest";
import { bearerToken, OwnTokens, ownTokenIn } from "../../src/protocol/own-token.ts";

const secret = Buffer.from("CANARY-token-secret-of-32-bytes!");
const claims = {
  realm: "https://auth.docker.io/token",
  service: "registry.docker.io",
  scopes: ["repository:library/alpine:pull"],
  class: "shared",
} as const;

function clockAt(time: { now: number }): OwnTokens {
  return new OwnTokens(secret, () => time.now);
}

describe("a token of our own", () => {
  it("says what it was made with", () => {
    const tokens = clockAt({ now: 1_000_000 });
    const token = tokens.mint(claims);
    expect(token).toMatch(/^ept1\.[\w-]+\.[\w-]+$/);
    expect(tokens.read(token)).toEqual({ ok: true, claims, until: 1_360_000 });
  });

  it("is good for 300 s and a minute's grace", () => {
    const time = { now: 1_000_000 };
    const tokens = clockAt(time);
    const token = tokens.mint(claims);
    time.now += 359_000;
    expect(tokens.read(token).ok).toBe(true);
    time.now += 2_000;
    expect(tokens.read(token)).toEqual({ ok: false, reason: "expired" });
  });

  it("is invalid with any character changed, cut or added", () => {
    const tokens = clockAt({ now: 0 });
    const token = tokens.mint(claims);
    for (let at = "ept1.".length; at < token.length; at += 1) {
      const other = token[at] === "A" ? "B" : "A";
      expect(tokens.read(token.slice(0, at) + other + token.slice(at + 1)).ok).toBe(false);
      expect(tokens.read(token.slice(0, at))).toEqual({ ok: false, reason: "invalid" });
    }
    expect(tokens.read(`${token}A`).ok).toBe(false);
    expect(tokens.read(`${token}=`).ok).toBe(false);
  });

  it("is invalid when another house signed it", () => {
    const others = new OwnTokens(Buffer.from("CANARY-another-secret"), () => 0);
    expect(clockAt({ now: 0 }).read(others.mint(claims))).toEqual({ ok: false, reason: "invalid" });
  });

  it.each(["", "ept1", "eyJhbGciOi.x.y", "Ept1.a.b"])("is not %s", (text) => {
    expect(clockAt({ now: 0 }).read(text)).toEqual({ ok: false, reason: "foreign" });
  });

  it("needs a secret worth the name", () => {
    expect(() => new OwnTokens(Buffer.from("short"), () => 0)).toThrow(RangeError);
  });
});

describe("finding tokens in an Authorization", () => {
  it.each([
    ["Bearer ept1.a.b", "ept1.a.b"],
    ["bearer   ept1.a.b ", "ept1.a.b"],
    ["Basic ept1.a.b", "ept1.a.b"],
    ["ept1.a.b", "ept1.a.b"],
    [" ept1.a.b", "ept1.a.b"],
    ["Bearer ept1.a b", "ept1.a b"],
    ['Bearer token="ept1.a.b"', 'ept1.a.b"'],
    ['Bearer "ept1.a.b"', 'ept1.a.b"'],
    ["Bearer ,ept1.a.b", "ept1.a.b"],
    ["Bearer x ept1.a.b", "ept1.a.b"],
    [`Basic ${Buffer.from("x:ept1.a.b").toString("base64")}`, "ept1.a.b"],
    [`Basic ${Buffer.from("ept1.a.b:x").toString("base64")}`, "ept1.a.b"],
    [`Basic ${Buffer.from("x:concept1.a.b").toString("base64")}`, undefined],
    ["Bearer concept1.a.b", undefined],
    ["Bearer abc", undefined],
    [undefined, undefined],
  ])("%s holds %s of ours", (authorization, expected) => {
    expect(ownTokenIn(authorization)).toBe(expected);
  });

  it("gives the token of Bearer alone", () => {
    expect(bearerToken("Bearer abc")).toBe("abc");
    expect(bearerToken("Basic abc")).toBeUndefined();
  });
});
