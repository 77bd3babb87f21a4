import { createSecureContext, type SecureContext } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { type KeyPair, keysIn, pairUp } from "../../../src/doors/tls/key-pair.ts";
import { ServedCertificates } from "../../../src/doors/tls/served-certificates.ts";
import { makeAuthority } from "../../support/certificates.ts";

const pairs: KeyPair[] = [];
beforeAll(() => {
  const authority = makeAuthority();
  for (const name of ["a.example", "b.example", "10.0.0.1"]) {
    const { cert, key } = authority.issue([name]);
    pairs.push(pairUp(cert, keysIn(key), name));
  }
});

describe("a client of the TLS listener", () => {
  it.each([
    ["b.example", "10.0.0.9", 1],
    ["B.EXAMPLE", "10.0.0.9", 1],
    [undefined, "10.0.0.1", 2],
    [undefined, "10.0.0.9", 0],
    ["unknown.example", "10.0.0.9", 0],
  ])("asking for %s at %s gets pair %s of the operator's", (name, address, index) => {
    const { certificates } = make({ isLeafBetter: false });
    expect(certificates.contextFor(name, address)).toBe(pairs[index]?.context);
  });

  it.each([
    ["a.example", "10.0.0.9", undefined],
    ["unknown.example", "10.0.0.9", "unknown.example"],
    [undefined, "10.0.0.1", undefined],
    ["not a name", "10.0.0.9", "10.0.0.9"],
  ])("asking for %s at %s, where leaves stand in, gets a leaf for %s", (name, address, leaf) => {
    const { certificates, minted } = make({ isLeafBetter: true });
    certificates.contextFor(name, address);
    expect(minted).toEqual(leaf === undefined ? [] : [leaf]);
  });

  it.each([
    ["10.0.0.9", "10.0.0.9"],
    ["::1", "::1"],
    ["", "localhost"],
  ])("that names nothing at %s gets a leaf for %s when there is nothing else", (address, leaf) => {
    const { certificates, minted } = make({ isLeafBetter: true, pairs: [] });
    certificates.contextFor(undefined, address);
    expect(minted).toEqual([leaf]);
  });
});

function make({
  isLeafBetter,
  pairs: own = pairs,
}: {
  isLeafBetter: boolean;
  pairs?: readonly KeyPair[];
}) {
  const minted: string[] = [];
  const leaves = {
    contextFor: (host: string): SecureContext => {
      minted.push(host);
      return createSecureContext();
    },
  };
  return {
    certificates: new ServedCertificates({ pairs: () => own, leaves, isLeafBetter }),
    minted,
  };
}
