import { describe, expect, it } from "vitest";
import { expiryOf } from "../../../src/upstream/auth/helper-expiry.ts";

const at = Date.UTC(2026, 0, 2);
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");

describe("when a helper's answer expires", () => {
  it.each([
    [{ ExpiresAt: "2026-01-02T00:00:00Z" }],
    [{ Expiry: at }],
    [{ expiration: at / 1000 }],
    [{ expires_at: String(at / 1000) }],
  ])("is said by %o", (fields) => {
    expect(expiryOf({ Username: "AWS", ...fields }, "CANARY")).toBe(at);
  });

  it.each([
    [
      "an ECR token",
      base64({ payload: "x".repeat(2_000), type: "DATA_KEY", expiration: at / 1000 }),
    ],
    ["a JWT", `${base64({ alg: "RS256" })}.${base64({ exp: at / 1000 })}.signature`],
  ])("is said by %s", (_name, secret) => {
    expect(expiryOf({}, secret)).toBe(at);
  });

  it.each([
    ["", {}],
    ["CANARY", { Expires: "soon" }],
    ["a.b", { expiry: -1 }],
    ["a.b.c", { expiry: null }],
    [base64({ expiration: "x" }), { SomethingAt: at }],
    [base64(["expiration"]), {}],
    [base64({}).slice(0, 3), {}],
    [`${base64({})}.${base64(7)}.x`, {}],
  ])("is not said by %j with %o", (secret, fields) => {
    expect(expiryOf(fields, secret)).toBeUndefined();
  });
});
