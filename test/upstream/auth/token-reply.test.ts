import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { parseReply, readReply, TokenRefusal } from "../../../src/upstream/auth/token-reply.ts";

const host = "auth.docker.io";

function reply(value: unknown) {
  return parseReply(host, Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
}

describe("parseReply", () => {
  it.each([
    [
      { token: "a", expires_in: 300 },
      { token: "a", expiresIn: 300 },
    ],
    [{ access_token: "b" }, { token: "b", expiresIn: 60 }],
    [
      { token: "", access_token: "b", expires_in: 0 },
      { token: "b", expiresIn: 60 },
    ],
    [
      { token: "a", access_token: "a", expires_in: "900" },
      { token: "a", expiresIn: 900 },
    ],
    [
      { token: "a", expires_in: 1e12 },
      { token: "a", expiresIn: 86_400 },
    ],
    [
      { token: "a", expires_in: -5 },
      { token: "a", expiresIn: 60 },
    ],
    [
      { token: "a", refresh_token: "CANARY" },
      { token: "a", expiresIn: 60 },
    ],
    [{ token: "x".repeat(16_384) }, { token: "x".repeat(16_384), expiresIn: 60 }],
  ])("reads %o", (value, expected) => {
    expect(reply(value)).toEqual(expected);
  });

  it.each([
    {},
    { token: 5 },
    { token: null },
    { token: "a b" },
    { token: "a\r\nHost: x" },
    { token: "ä" },
    { token: "x".repeat(16_385) },
    "",
    "null",
    "[]",
    "<html>",
    `{"token":"a","x":${"[".repeat(20)}${"]".repeat(20)}}`,
    `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    `{"token":"a"${',"x":{'.repeat(30)}`,
  ])("refuses %j", (value) => {
    expect(() => reply(value)).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
  });
});

describe("readReply", () => {
  it("stops reading past 256 KiB", async () => {
    let given = 0;
    const body = Readable.from(
      (function* () {
        for (; given < 10_000_000; given += 65_536) yield Buffer.alloc(65_536, "x");
      })(),
    );
    const answer = readReply(host, { status: 200, headers: new Map(), body });
    await expect(answer).rejects.toMatchObject({ code: "TOO_LARGE" });
    expect(given).toBeLessThan(2_000_000);
    expect(body.destroyed).toBe(true);
  });

  it("unpacks no more than a reply may be of what it asked to get plain", async () => {
    const body = Readable.from([gzipSync(Buffer.alloc(50_000_000))]);
    const headers = headerList({ "content-encoding": "gzip" });
    const answer = readReply(host, { status: 200, headers, body });
    await expect(answer).rejects.toMatchObject({ code: "TOO_LARGE" });
  });

  it.each([
    ["gzip", "no gzip"],
    ["rot13", "x"],
  ])("believes nothing that is no %s", async (encoding, text) => {
    const headers = headerList({ "content-encoding": encoding });
    const answer = readReply(host, {
      status: 200,
      headers,
      body: Readable.from([Buffer.from(text)]),
    });
    await expect(answer).rejects.toMatchObject({ code: "PROTOCOL" });
  });
});

it("a refusal keeps the service's own words out of its message", () => {
  const refusal = new TokenRefusal(host, { status: 401, body: Buffer.from("CANARY") });
  expect(refusal.message).toBe("the token service auth.docker.io answered 401");
});
