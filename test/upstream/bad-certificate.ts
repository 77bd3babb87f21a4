/** Certificates that no client should accept, each wrong in one way. */
import forge from "node-forge";
import { type Keys, makeKeys, newKeys, signWith } from "../support/certificates.ts";

export type Flaw = "self-signed" | "512 bit key" | "signed with SHA-1" | "with a wrong signature";

export type Flawed = { readonly cert: string; readonly key: string; readonly ca: string };

/** A leaf for the name, and the authority that a client would trust for it. */
export function flawedCertificate(name: string, flaw: Flaw): Flawed {
  const authorityKeys = makeKeys();
  const authority = build("Authority", authorityKeys, true);
  signWith(authorityKeys, authority);
  const keys = flaw === "512 bit key" ? newKeys(512) : makeKeys();
  const leaf = build(name, keys, false);
  if (flaw !== "self-signed") leaf.setIssuer(authority.subject.attributes);
  const signer = flaw === "self-signed" ? keys : authorityKeys;
  signWith(signer, leaf, flaw === "signed with SHA-1" ? "sha1" : "sha256");
  if (flaw === "with a wrong signature") leaf.signature = `${leaf.signature.slice(0, -1)}\u0001`;
  return {
    cert: forge.pki.certificateToPem(leaf),
    key: keys.privateKey,
    ca: forge.pki.certificateToPem(authority),
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
