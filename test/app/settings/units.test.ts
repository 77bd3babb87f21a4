import { describe, expect, it } from "vitest";
import { duration, freeSpace, size } from "../../../src/app/settings/units.ts";

describe("a size", () => {
  it.each([
    ["32 GiB", 32 * 2 ** 30],
    ["32g", 32 * 2 ** 30],
    ["32G", 32 * 2 ** 30],
    ["1.5 GB", 1.5e9],
    ["512m", 512 * 2 ** 20],
    ["2 TiB", 2 * 2 ** 40],
    ["100 b", 100],
    ["0", 0],
  ])("of %s is %i bytes", (text, bytes) => {
    expect(size.parse(text)).toBe(bytes);
  });

  it.each(["", "32", "GiB", "-1 g", "1 g x", "1 parsec", "1e9 b", "9999999 tib", "constructor", 5])(
    "of %o is refused",
    (raw) => {
      expect(() => size.parse(raw)).toThrow();
    },
  );
});

describe("a time", () => {
  it.each([
    ["10 s", 10_000],
    ["24h", 86_400_000],
    ["1 h 30 min", 5_400_000],
    ["250ms", 250],
    ["5m", 300_000],
    ["7 d", 604_800_000],
    ["0", 0],
  ])("of %s is %i milliseconds", (text, milliseconds) => {
    expect(duration.parse(text)).toBe(milliseconds);
  });

  it.each(["10", "s", "10 s,", "-5 s", "ten s", 10])("of %o is refused", (raw) => {
    expect(() => duration.parse(raw)).toThrow();
  });
});

describe("free space", () => {
  it.each([
    ["5 % or 1 GiB", { fraction: 0.05, bytes: 2 ** 30 }],
    ["10%", { fraction: 0.1, bytes: 0 }],
    ["2g", { fraction: 0, bytes: 2 * 2 ** 30 }],
    ["1 GiB or 2.5 %", { fraction: 0.025, bytes: 2 ** 30 }],
  ])("of %s", (text, expected) => {
    expect(freeSpace.parse(text)).toEqual(expected);
  });

  it.each(["101 %", "5 % or 6 %", "1g or 2g", "5 percent", "", "5 % and 1 g"])(
    "of %o is refused",
    (raw) => {
      expect(() => freeSpace.parse(raw)).toThrow();
    },
  );
});
