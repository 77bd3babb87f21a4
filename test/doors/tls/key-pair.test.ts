import { createPrivateKey } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import {
  certificatesIn,
  isFor,
  type KeyPair,
  keysIn,
  namesOf,
  pairFor,
  pairUp,
} from "../../../src/doors/tls/key-pair.ts";
import { type Authority, makeAuthority } from "../../support/certificates.ts";

let authority: Authority;
let pair: KeyPair;
beforeAll(() => {
  authority = makeAuthority();
  pair = pairOf(["*.example.com", "10.0.0.1"]);
});

const day = 86_400_000;

function pairOf(names: readonly string[], days = 30): KeyPair {
  const { cert, key, ca } = authority.issue(names, { notAfter: new Date(Date.now() + days * day) });
  return pairUp(cert + ca, keysIn(key), "here");
}

describe("a certificate and its key", () => {
  it("are read from PEM with whatever stands around them", () => {
    const { cert, key, ca } = authority.issue(["a.example"]);
    const text = `Bag Attributes\n${key}\nsubject=a\n${cert}\nissuer=b\n${ca}`;
    expect(certificatesIn(text)).toHaveLength(2);
    expect(pairUp(text, keysIn(text), "x.pem")).toMatchObject({ chainLength: 2 });
  });

  it("tell their names", () => {
    expect(namesOf(pair)).toBe("*.example.com, 10.0.0.1");
  });

  it.each([
    ["no certificate", () => pairUp("", [], "x.pem"), /x\.pem holds no certificate/],
    [
      "no real one",
      () => pairUp("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", [], "x.pem"),
      /x\.pem holds a certificate that cannot be used/,
    ],
    [
      "somebody else's key",
      () => pairUp(authority.ca, keysIn(authority.issue(["b"]).key), "x.pem"),
      /the key of x\.pem is not the certificate's/,
    ],
  ])("with %s are refused", (_what, make, sentence) => {
    expect(make).toThrow(sentence);
  });

  it("with a pass-phrase are no key that can be used", () => {
    const key = createPrivateKey(authority.issue(["c"]).key);
    const locked = key.export({
      ...{ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "CANARY-phrase" },
    } as { type: "pkcs8"; format: "pem"; cipher: string; passphrase: string });
    expect(keysIn(locked.toString())).toEqual([]);
  });
});

describe("the certificate for", () => {
  it.each([
    ["hub.example.com", true],
    ["a.b.example.com", false],
    ["10.0.0.1", true],
    ["10.0.0.2", false],
    ["elsewhere.org", false],
  ])("%s: %s", (name, isIt) => {
    expect(isFor(pair, name)).toBe(isIt);
  });

  it("a name is, of several, the one that is good longest", () => {
    const [older, newer] = [pairOf(["hub.example.com"], 3), pairOf(["hub.example.com"], 60)];
    expect(pairFor([older, newer, pair], "hub.example.com")).toBe(newer);
    expect(pairFor([older, newer, pair], "quay.example.com")).toBe(pair);
    expect(pairFor([older, newer], "quay.example.com")).toBeUndefined();
  });
});
