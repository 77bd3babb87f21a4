import { describe, expect, it } from "vitest";
import { printDer } from "../../../../src/doors/proxy/authority/der.ts";
import {
  authorityKeyIdentifier,
  basicConstraints,
  keyUsage,
  nameConstraints,
  serverAuthOnly,
  subjectAltName,
  subjectKeyIdentifier,
} from "../../../../src/doors/proxy/authority/extensions.ts";

const identifier = Buffer.from("0102", "hex");
const noIPv4 = "300a87080000000000000000";
const noIPv6 = `3022${"8720"}${"00".repeat(32)}`;

describe("an extension is, critical or not, in DER", () => {
  it.each([
    ["a CA with nothing but leaves below", basicConstraints(true), true, "30060101ff020100"],
    ["no CA", basicConstraints(false), true, "3000"],
    ["signing certificates and revocation lists", keyUsage(true), true, "03020106"],
    ["signing handshakes", keyUsage(false), true, "03020780"],
    ["servers only", serverAuthOnly(), false, "300a06082b06010505070301"],
    ["the key's identifier", subjectKeyIdentifier(identifier), false, "04020102"],
    ["the issuer's identifier", authorityKeyIdentifier(identifier), false, "300480020102"],
    ["a DNS name", subjectAltName("a.b"), false, "30058203612e62"],
    ["an address", subjectAltName("10.0.0.1"), false, "300687040a000001"],
    ["an IPv6 address", subjectAltName("::1"), false, `30128710${"00".repeat(15)}01`],
  ])("%s", (_what, extension, isCritical, der) => {
    expect(extension.isCritical).toBe(isCritical);
    expect(printDer(extension.value).toString("hex")).toBe(der);
  });
});

it("names only exclude every address; an address permits itself alone", () => {
  const names = nameConstraints(["a.b"]);
  expect(names.isCritical).toBe(true);
  const printed = printDer(names.value).toString("hex");
  expect(printed).toContain("a00730058203612e62");
  expect(printed).toContain(noIPv4);
  expect(printed).toContain(noIPv6);
  const mixed = printDer(nameConstraints(["10.0.0.1"]).value).toString("hex");
  expect(mixed).toContain("87080a000001ffffffff");
  expect(mixed).not.toContain(noIPv4);
  expect(mixed).toContain(noIPv6);
});
