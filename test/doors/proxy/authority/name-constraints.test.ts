import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { openAuthority } from "../../../../src/doors/proxy/authority/ca.ts";
import {
  isPermitted,
  permittedDomains,
} from "../../../../src/doors/proxy/authority/name-constraints.ts";
import { temporaryFolder } from "../../../support/temp-folder.ts";

async function domainsOf(onlyFor?: readonly string[]) {
  const folder = await temporaryFolder();
  const authority = await openAuthority({ folder, onlyFor, now: Date.now });
  expect(authority.domains).toEqual(permittedDomains(new X509Certificate(authority.root).raw));
  return authority.domains;
}

describe("what a CA is limited to", () => {
  it.each([
    [
      ["ghcr.io", "10.1.2.3", "pkg.dev"],
      ["ghcr.io", "pkg.dev"],
    ],
    [["10.1.2.3"], []],
    [undefined, undefined],
  ])("%j is read back as %j", async (onlyFor, domains) => {
    expect(await domainsOf(onlyFor)).toEqual(domains);
  });

  it.each([
    ["ghcr.io", true],
    ["a.b.ghcr.io", true],
    ["evilghcr.io", false],
    ["ghcr.io.evil", false],
    ["io", false],
  ])("takes %s in: %s", (host, expected) => {
    expect(isPermitted(host, ["quay.io", "ghcr.io"])).toBe(expected);
    expect(isPermitted(host, undefined)).toBe(true);
  });
});
