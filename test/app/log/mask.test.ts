import { describe, expect, it } from "vitest";
import { maskFor } from "../../../src/app/log/mask.ts";

describe("a line of the log", () => {
  it("has its secrets masked, the longest first", () => {
    const mask = maskFor(["CANARY-a", "CANARY-a-and-more", "", "abc"]);
    expect(mask("u:CANARY-a-and-more, CANARY-a, CANARY-a; abc")).toBe("u:***, ***, ***; abc");
  });

  it("cannot begin another line, nor colour the terminal", () => {
    const mask = maskFor([]);
    expect(mask("a\nb\r\u001b[31m\u009b1m\u007f\u2028é")).toBe(
      "a\\u000ab\\u000d\\u001b[31m\\u009b1m\\u007f\\u2028é",
    );
  });
});
