import { describe, expect, it } from "vitest";
import { addressKind, isWildcard } from "../../../src/upstream/net/address-kind.ts";

const table: readonly (readonly [string, string])[] = [
  ["8.8.8.8", "public"],
  ["2a00:1450:4001:830::200e", "public"],
  ["::ffff:8.8.8.8", "public"],
  ["64:ff9b::8.8.8.8", "public"],
  ["0.0.0.0", "unspecified"],
  ["0.1.2.3", "unspecified"],
  ["::", "unspecified"],
  ["::ffff:0.0.0.0", "unspecified"],
  ["127.0.0.1", "loopback"],
  ["127.255.255.254", "loopback"],
  ["::1", "loopback"],
  ["::ffff:127.0.0.1", "loopback"],
  ["::ffff:7f00:1", "loopback"],
  ["::127.0.0.1", "loopback"],
  ["::ffff:0:127.0.0.1", "loopback"],
  ["64:ff9b::127.0.0.1", "loopback"],
  ["64:ff9b::7f00:1", "loopback"],
  ["2002:7f00:1::", "loopback"],
  ["169.254.1.1", "link-local"],
  ["fe80::1", "link-local"],
  ["fe80::1%eth0", "link-local"],
  ["64:ff9b::169.254.1.1", "link-local"],
  ["169.254.169.254", "metadata"],
  ["::ffff:169.254.169.254", "metadata"],
  ["64:ff9b::a9fe:a9fe", "metadata"],
  ["fd00:ec2::254", "metadata"],
  ["100.100.100.200", "metadata"],
  ["168.63.129.16", "metadata"],
  ["224.0.0.1", "multicast"],
  ["ff02::1", "multicast"],
  ["100.64.0.1", "CGNAT"],
  ["100.127.255.255", "CGNAT"],
  ["64:ff9b::100.64.0.1", "CGNAT"],
  ["100.128.0.1", "public"],
  ["10.1.2.3", "private"],
  ["172.16.0.1", "private"],
  ["172.31.255.255", "private"],
  ["172.32.0.1", "public"],
  ["192.168.1.1", "private"],
  ["::ffff:192.168.1.1", "private"],
  ["2002:c0a8:101::", "private"],
  ["fc00::1", "private"],
  ["fd12:3456::1", "private"],
  ["fec0::1", "private"],
  ["198.18.0.1", "reserved"],
  ["255.255.255.255", "reserved"],
  ["240.0.0.1", "reserved"],
  ["192.0.0.8", "reserved"],
  ["100::1", "reserved"],
  ["2001::1", "reserved"],
  ["64:ff9b:1::a00:1", "reserved"],
  ["4000::1", "reserved"],
  ["not an address", "reserved"],
];

describe("the kind of an address", () => {
  it.each(table)("%s is %s", (address, kind) => {
    expect(addressKind(address)).toBe(kind);
  });

  it("knows what listens everywhere", () => {
    expect(["", "0.0.0.0", "::"].map(isWildcard)).toEqual([true, true, true]);
    expect(isWildcard("127.0.0.1")).toBe(false);
  });
});
