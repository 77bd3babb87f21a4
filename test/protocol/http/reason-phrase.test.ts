import { expect, it } from "vitest";
import { reasonPhrase } from "../../../src/protocol/http/reason-phrase.ts";

it.each([
  ["registry.lan is not asked", "registry.lan is not asked"],
  ["a\r\nSet-Cookie: b", "a??Set-Cookie: b"],
  ["caf\u00e9 \u2026", "caf? ?"],
  ["x".repeat(200), "x".repeat(160)],
])("the reason phrase of %j stays one line of ASCII", (text, phrase) => {
  expect(reasonPhrase(text)).toBe(phrase);
});
