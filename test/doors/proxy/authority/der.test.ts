import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  addressBytes,
  bits,
  contentOf,
  integer,
  isOid,
  isTagged,
  oid,
  parseDer,
  parts,
  printDer,
  sequence,
  tagged,
  time,
  utf8,
} from "../../../../src/doors/proxy/authority/der.ts";

const hex = (value: Parameters<typeof printDer>[0]) => printDer(value).toString("hex");

describe("printing", () => {
  it.each([
    ["an OID", oid("2.5.29.14"), "0603551d0e"],
    ["an integer", integer(Buffer.from([1, 0])), "02020100"],
    ["bits", bits(Buffer.from([0x80]), 7), "03020780"],
    ["text", utf8("ü"), "0c02c3bc"],
    ["an implicit tag", tagged(2, Buffer.from("a")), "820161"],
    ["an explicit tag", tagged(0, [integer(Buffer.from([2]))]), "a003020102"],
    [
      "a time before 2050",
      time(new Date("2049-12-31T23:59:59Z")),
      "170d3439313233313233353935395a",
    ],
    ["a time after", time(new Date("2050-01-01T00:00:00Z")), "180f32303530303130313030303030305a"],
  ])("%s", (_what, value, printed) => expect(hex(value)).toBe(printed));
});

it("reading and printing gives the same bytes, for 50 keys whose bits may look like DER", () => {
  for (let count = 0; count < 50; count += 1) {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const der = publicKey.export({ type: "spki", format: "der" });
    expect(printDer(parseDer(der))).toEqual(der);
    expect(contentOf(parts(parseDer(der))[1])).toHaveLength(66);
  }
});

it("a value is taken apart", () => {
  const value = parseDer(printDer(sequence([oid("1.2.3"), tagged(3, [utf8("x")])])));
  expect(isOid(parts(value)[0], "1.2.3")).toBe(true);
  expect(isOid(parts(value)[0], "1.2.4")).toBe(false);
  expect(parts(value).map((one) => isTagged(one, 3))).toEqual([false, true]);
  expect(parts(undefined)).toEqual([]);
  expect(() => parseDer(Buffer.from("no DER"))).toThrow();
});

it.each([
  ["10.99.0.1", "0a630001"],
  ["fd00::1", "fd000000000000000000000000000001"],
  ["::", "00000000000000000000000000000000"],
  ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
])("the bytes of %s", (address, bytes) => {
  expect(addressBytes(address).toString("hex")).toBe(bytes);
});
