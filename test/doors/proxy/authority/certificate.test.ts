import { createHash, generateKeyPairSync, X509Certificate } from "node:crypto";
import { expect, it } from "vitest";
import {
  distinguishedName,
  keyIdentifierOf,
  readIssuer,
  signCertificate,
} from "../../../../src/doors/proxy/authority/certificate.ts";
import {
  basicConstraints,
  subjectKeyIdentifier,
} from "../../../../src/doors/proxy/authority/extensions.ts";

const noon = Date.UTC(2030, 0, 1, 12);
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });

it.each([
  ["EC", ec],
  ["RSA", rsa],
])("a certificate signed by an %s key says what it was told, and verifies", (_kind, pair) => {
  const pem = signCertificate(fields(), pair.privateKey);
  const certificate = new X509Certificate(pem);
  expect(certificate.verify(pair.publicKey)).toBe(true);
  expect(certificate.subject).toBe("O=Ours\nCN=leaf");
  expect(certificate.issuer).toBe("O=Issuer & söhne");
  expect(certificate.validFromDate.getTime()).toBe(noon);
  expect(certificate.validToDate.getTime()).toBe(noon + 1_000);
  expect(certificate.publicKey.equals(ec.publicKey)).toBe(true);
});

it("no two serial numbers are the same, and each is 16 bytes and positive", () => {
  const serials = Array.from({ length: 50 }, () => {
    return new X509Certificate(signCertificate(fields(), ec.privateKey)).serialNumber;
  });
  expect(new Set(serials).size).toBe(50);
  for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
});

it("a key's identifier is the hash of its bits alone", () => {
  const spki = ec.publicKey.export({ type: "spki", format: "der" });
  const point = spki.subarray(-65);
  expect(keyIdentifierOf(ec.publicKey)).toEqual(createHash("sha1").update(point).digest());
});

it("an issuer's subject and key identifier are read back byte for byte", () => {
  const identifier = keyIdentifierOf(ec.publicKey);
  const its = fields();
  const extensions = [basicConstraints(true), subjectKeyIdentifier(identifier)];
  const pem = signCertificate({ ...its, extensions }, ec.privateKey);
  expect(readIssuer(new X509Certificate(pem).raw)).toEqual({
    subject: its.subject,
    keyIdentifier: identifier,
  });
  const without = new X509Certificate(signCertificate(its, ec.privateKey));
  expect(readIssuer(without.raw).keyIdentifier).toBeUndefined();
});

function fields() {
  return {
    issuer: distinguishedName("Issuer & söhne"),
    subject: distinguishedName("Ours", "leaf"),
    notBefore: noon,
    notAfter: noon + 1_000,
    publicKey: ec.publicKey,
    extensions: [basicConstraints(false)],
  };
}
