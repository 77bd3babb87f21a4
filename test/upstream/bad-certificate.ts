/** Certificates that no client should accept, each wrong in one way. */
import { generateKeyPairSync } from "node:crypto";
import forge from "node-forge";

export type Flaw = "self-signed" | "512 bit key" | "signed with SHA-1" | "with a wrong signature";

export type Flawed = { readonly cert: string; readonly key: string; readonly ca: string };

/** A leaf for the name, and the authority that a client would trust for it. */
export function flawedCertificate(name: string, flaw: Flaw): Flawed {
  const authorityKeys = makeKeys(2048);
  const authority = build("Authority", authorityKeys, true);
  authority.sign(authorityKeys.privateKey, forge.md.sha256.create());
  const keys = makeKeys(flaw === "512 bit key" ? 512 : 2048);
  const leaf = build(name, keys, false);
  if (flaw !== "self-signed") leaf.setIssuer(authority.subject.attributes);
  const signer = flaw === "self-signed" ? keys : authorityKeys;
  const digest = flaw === "signed with SHA-1" ? forge.md.sha1 : forge.md.sha256;
  leaf.sign(signer.privateKey, digest.create());
  if (flaw === "with a wrong signature") leaf.signature = `${leaf.signature.slice(0, -1)}\u0001`;
  return {
    cert: forge.pki.certificateToPem(leaf),
    key: forge.pki.privateKeyToPem(keys.privateKey),
    ca: forge.pki.certificateToPem(authority),
  };
}

type Keys = { privateKey: forge.pki.rsa.PrivateKey; publicKey: forge.pki.rsa.PublicKey };

function makeKeys(bits: number): Keys {
  const pair = generateKeyPairSync("rsa", {
    modulusLength: bits,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return {
    privateKey: forge.pki.privateKeyFromPem(pair.privateKey),
    publicKey: forge.pki.publicKeyFromPem(pair.publicKey) as forge.pki.rsa.PublicKey,
  };
}

function build(name: string, keys: Keys, isAuthority: boolean): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate();
  const subject = [{ name: "commonName", value: name }];
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = "01";
  certificate.validity.notBefore = new Date(Date.now() - 86_400_000);
  certificate.validity.notAfter = new Date(Date.now() + 86_400_000);
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: "basicConstraints", cA: isAuthority, critical: true },
    ...(isAuthority ? [] : [{ name: "subjectAltName", altNames: [{ type: 2, value: name }] }]),
  ]);
  return certificate;
}
