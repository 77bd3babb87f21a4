import { describe, expect, it } from "vitest";
import { OwnNames } from "../../../src/doors/server/own-names.ts";
import { parseHostPort } from "../../../src/protocol/http/host-port.ts";

const own = new OwnNames({
  hosts: ["Cache", "cache.local"],
  addresses: () => ["127.0.0.1", "10.1.2.3", "::1", "fd00::3"],
  ports: new Set([3128, 8443]),
  backOfficePort: 3129,
});

describe("ours", () => {
  it.each([
    "cache:3128",
    "cache.local:443",
    "cache.local:80",
    "cache.local:8443",
    "10.1.2.3:443",
    "10.1.2.3:3128",
    "[fd00::3]:80",
    "localhost:3128",
    "127.0.0.1:3128",
    "127.8.8.8:3128",
    "[::1]:8443",
  ])("%s", (text) => expect(own.isOwn(at(text))).toBe(true));
});

describe("not ours", () => {
  it.each([
    "cache.local:5000",
    "10.1.2.3:22",
    "10.1.2.4:3128",
    "other.local:3128",
    // Other programs' listeners on this machine are not the proxy's to open up.
    "127.0.0.1:443",
    "localhost:80",
    "[::1]:443",
    "cache.local:3129",
    "127.0.0.1:3129",
  ])("%s", (text) => expect(own.isOwn(at(text))).toBe(false));
});

it("the back office is known under every name", () => {
  for (const host of ["cache.local", "10.1.2.3", "localhost", "127.0.0.1", "[::1]"]) {
    expect(own.isBackOffice(at(`${host}:3129`))).toBe(true);
    expect(own.isBackOffice(at(`${host}:3128`))).toBe(false);
  }
});

function at(text: string) {
  const address = parseHostPort(text);
  if (address === undefined) throw new TypeError(text);
  return address;
}
