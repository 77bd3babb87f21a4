import { describe, expect, it } from "vitest";
import { AddressRanges, parseAddressRange } from "../../../src/protocol/http/address-range.ts";

describe("a range of addresses", () => {
  it.each(["10.0.0.0/8", "::1", "[fd00::]/8", " 127.0.0.1 ", "fe80::/10", "0.0.0.0/0", "::/0"])(
    "may be written %s",
    (text) => {
      expect(parseAddressRange(text)).toBeDefined();
    },
  );

  it.each(
    "|10.0.0.0/33|::/129|10.0.0/8|ghcr.io|10.0.0.0/8/8|10.0.0.0/|10.0.0.0/-1|[::1|::1]|0x7f.1".split(
      "|",
    ),
  )("may not be written %s", (text) => {
    expect(parseAddressRange(text)).toBeUndefined();
  });

  it.each<readonly [string, string, boolean]>([
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["10.0.0.0/8", "::ffff:10.0.0.1", true],
    ["fe80::/10", "fe80::1%eth0", true],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["0.0.0.0/0", "::1", false],
    ["0.0.0.0/0", "ghcr.io", false],
  ])("%s, has %s: %s", (range, address, expected) => {
    const ranges = [parseAddressRange(range)].filter((one) => one !== undefined);
    expect(new AddressRanges(ranges).has(address)).toBe(expected);
  });
});
