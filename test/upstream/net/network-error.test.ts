import { describe, expect, it } from "vitest";
import { connectError, errorCode, exchangeError } from "../../../src/upstream/net/network-error.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";

const coded = (code: string) => Object.assign(new Error("x"), { code });

describe("a network error in our words", () => {
  it.each([
    ["ECONNREFUSED", "CONNECT"],
    ["EHOSTUNREACH", "CONNECT"],
    ["ENETUNREACH", "CONNECT"],
    ["ETIMEDOUT", "TIMEOUT"],
    ["EADDRNOTAVAIL", "CONNECT"],
    // Our own limit says nothing of the host, which is not taken for down.
    ["EMFILE", "BUSY"],
    ["ENFILE", "BUSY"],
  ])("%s while connecting is %s", (code, kind) => {
    const cause = coded(code);
    expect(connectError("reg.test", cause)).toMatchObject({ code: kind, host: "reg.test", cause });
  });

  it.each([
    ["UND_ERR_BODY_TIMEOUT", "TIMEOUT"],
    ["UND_ERR_HEADERS_OVERFLOW", "TOO_LARGE"],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "RESET"],
    ["UND_ERR_SOCKET", "RESET"],
    ["ECONNRESET", "RESET"],
    ["HPE_INVALID_CONSTANT", "PROTOCOL"],
    ["UND_ERR_DESTROYED", "ABORTED"],
  ])("%s in an exchange is %s", (code, kind) => {
    const cause = coded(code);
    expect(exchangeError("reg.test", cause)).toMatchObject({ code: kind, host: "reg.test", cause });
  });

  it("leaves an UpstreamError as it is", () => {
    const error = new UpstreamError("FORBIDDEN", "reg.test", "no");
    expect(connectError("other", error)).toBe(error);
    expect(exchangeError("other", error)).toBe(error);
  });

  it("names what has no code by its class", () => {
    expect(errorCode(new RangeError("x"))).toBe("RangeError");
    expect(errorCode("x")).toBe("unknown");
  });
});
