import { describe, expect, it } from "vitest";
import { headerList } from "../../src/protocol/http/header-list.ts";
import { codeOfStatus, errorBody, RegistryError } from "../../src/protocol/registry-error.ts";

describe("a registry error", () => {
  it("has its code's usual status unless told otherwise", () => {
    expect(new RegistryError("MANIFEST_UNKNOWN", "no such tag").status).toBe(404);
    expect(new RegistryError("TOOMANYREQUESTS", "slow down").status).toBe(429);
    expect(new RegistryError("UNAVAILABLE", "it is down", { status: 502 }).status).toBe(502);
  });

  it.each([
    [401, "UNAUTHORIZED"],
    [403, "DENIED"],
    [404, "NAME_UNKNOWN"],
    [407, "UNAUTHORIZED"],
    [418, "UNKNOWN"],
    [429, "TOOMANYREQUESTS"],
    [501, "UNSUPPORTED"],
    [504, "UNAVAILABLE"],
  ])("of which only the status %i is known is %s", (status, code) => {
    expect(codeOfStatus(status)).toBe(code);
  });

  it("carries its cause, detail and fields", () => {
    const cause = new Error("why");
    const headers = headerList({ "Retry-After": "15" });
    const error = new RegistryError("DENIED", "no", { cause, detail: { a: 1 }, headers });
    expect(error).toMatchObject({ name: "RegistryError", cause, detail: { a: 1 }, headers });
  });

  it("prints as the spec's body, the cause left out", () => {
    const error = new RegistryError("DENIED", 'say "please"', { cause: new Error("CANARY-cause") });
    expect(JSON.parse(errorBody(error))).toEqual({
      errors: [{ code: "DENIED", message: 'say "please"' }],
    });
    const detailed = new RegistryError("DENIED", "no", { detail: { host: "a" } });
    expect(JSON.parse(errorBody(detailed)).errors[0].detail).toEqual({ host: "a" });
  });
});
