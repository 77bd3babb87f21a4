import { describe, expect, it } from "vitest";
import { isObject, readFields } from "../../../src/app/settings/fields.ts";
import { port, text, WrongValue } from "../../../src/app/settings/kind.ts";

const names = ["host", "port"];

function sentence(work: () => unknown): string {
  try {
    work();
    return "";
  } catch (error) {
    return error instanceof WrongValue ? `${error.message}; write ${error.hint}` : "thrown";
  }
}

describe("the fields of a structured value", () => {
  it("are there, left out, or null", () => {
    const fields = readFields({ host: "a", port: null }, "entry 1", names);
    expect(fields.need("host", text)).toBe("a");
    expect(fields.get("port", port)).toBeUndefined();
  });

  it.each([
    ["text", "x", "has no fields in entry 1; write the fields host, port"],
    ["a misspelt one", { hots: 1 }, "has an unknown field hots in entry 1; write host instead"],
    [
      "one unlike any",
      { colour: 1 },
      "has an unknown field colour in entry 1; write the fields host, port",
    ],
    [
      "one that may be a secret",
      { "user:CANARY-p1": null },
      "has an unknown field in entry 1; write the fields host, port",
    ],
    ["none of a needed one", {}, "has no host in entry 1; write the fields host, port"],
  ])("say what to write given %s", (_, raw, expected) => {
    expect(sentence(() => readFields(raw, "entry 1", names).need("host", text))).toBe(expected);
  });

  it("never quote a value", () => {
    const fields = readFields({ port: "CANARY-x" }, "entry 2", names);
    expect(sentence(() => fields.get("port", port))).toBe(
      "cannot be read: port of entry 2 makes no sense; write a port from 1 to 65535",
    );
  });

  it("are had by maps alone", () => {
    expect([isObject({}), isObject([]), isObject(null), isObject("x")]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
