import { describe, expect, it } from "vitest";
import { hasLogin, parseBasic, printBasic } from "../../../src/protocol/http/basic-auth.ts";

describe("Basic", () => {
  it.each([
    { user: "bob", password: "CANARY-secret" },
    { user: "", password: "" },
    { user: "jürgen", password: "CANARY-pa:ss:wörd" },
  ])("reads back what it prints: $user", (login) => {
    expect(parseBasic(printBasic(login))).toEqual(login);
  });

  it.each(["Bearer abc", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", ""])("is not %s", (text) => {
    expect(parseBasic(text)).toBeUndefined();
  });
});

describe("hasLogin", () => {
  it.each([
    [undefined, false],
    ["", false],
    ["Basic Og==", false],
    ["basic Og==", false],
    ["Basic", false],
    ["Bearer ", false],
    ["Basic Ym9iOg==", true],
    ["Basic OnNlY3JldA==", true],
    ["Bearer abc", true],
    ["Negotiate abc", true],
  ])("%s is %s", (authorization, expected) => {
    expect(hasLogin(authorization)).toBe(expected);
  });
});
