import { describe, expect, it } from "vitest";
import {
  headerJoined,
  headerList,
  headerValue,
  parseRawHeaders,
  printHeaders,
} from "../../../src/protocol/http/header-list.ts";

describe("a header list", () => {
  const list = parseRawHeaders([
    "WWW-Authenticate",
    "Basic",
    "Content-Type",
    "text/plain",
    "www-authenticate",
    "Bearer",
  ]);

  it("keeps every line of a field, in order, under its lower-case name", () => {
    expect(list.get("www-authenticate")).toEqual(["Basic", "Bearer"]);
    expect(headerValue(list, "www-authenticate")).toBe("Basic");
    expect(headerJoined(list, "www-authenticate")).toBe("Basic, Bearer");
  });

  it("prints the lines back, one by one", () => {
    expect(printHeaders(list)).toEqual([
      "www-authenticate",
      "Basic",
      "www-authenticate",
      "Bearer",
      "content-type",
      "text/plain",
    ]);
  });

  it("takes __proto__ for a name like any other", () => {
    const odd = parseRawHeaders(["__proto__", "x", "constructor", "y"]);
    expect(odd.get("__proto__")).toEqual(["x"]);
    expect(headerValue(parseRawHeaders([]), "constructor")).toBeUndefined();
    expect({}).not.toHaveProperty("x");
  });

  it("is made of pairs, leaving out what is undefined", () => {
    const made = headerList({ Accept: ["a", "b"], Range: undefined, "If-Range": "c" });
    expect([...made]).toEqual([
      ["accept", ["a", "b"]],
      ["if-range", ["c"]],
    ]);
    expect(headerJoined(made, "range")).toBeUndefined();
  });

  it("ignores a name without a value at the end", () => {
    expect(parseRawHeaders(["a", "1", "b"]).size).toBe(1);
  });
});
