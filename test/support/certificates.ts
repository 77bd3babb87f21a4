/** Certificates made on the spot: an authority of the test's own and leaves it signs. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { isIP } from "node:net";
import forge from "node-forge";

export type Certificate = {
  /** The leaf, PEM. */
  readonly cert: string;
  /** Its private key, PEM. */
  readonly key: string;
  /** The authority's certificate, PEM: what a client must trust. */
  readonly ca: string;
};

export type Authority = {
  readonly ca: string;
  issue(names: readonly string[], life?: Life): Certificate;
};

type Life = {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** It is for a client that shows who it is. */
  readonly isClients?: boolean;
};

const day = 86_400_000;

/** A leaf for these names (DNS names and addresses) by a fresh authority. */
export function makeCertificate(names: readonly string[], life: Life = {}): Certificate {
  return makeAuthority().issue(names, life);
}

/** An authority that can sign several leaves. */
export function makeAuthority(commonName = "Test authority"): Authority {
  const keys = makeKeys();
  const subject = [{ name: "commonName", value: commonName }];
  const certificate = blank(keys, {});
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    { name: "subjectKeyIdentifier" },
  ]);
  certificate.sign(keys.privateKey, forge.md.sha256.create());
  const ca = forge.pki.certificateToPem(certificate);
  let own: Keys | undefined;
  return {
    ca,
    issue: (names, life = {}) => {
      // One pair for all leaves: making one takes longer than most tests.
      own ??= makeKeys();
      return { ...issueLeaf({ names, life, keys, own, subject }), ca };
    },
  };
}

type Keys = { privateKey: forge.pki.rsa.PrivateKey; publicKey: forge.pki.rsa.PublicKey };
type Leaf = {
  readonly names: readonly string[];
  readonly life: Life;
  /** The authority's. */
  readonly keys: Keys;
  /** The leaf's. */
  readonly own: Keys;
  readonly subject: { name: string; value: string }[];
};

function issueLeaf({ names, life, keys, own, subject }: Leaf): { cert: string; key: string } {
  const leaf = blank(own, life);
  leaf.setSubject([{ name: "commonName", value: names[0] ?? "leaf" }]);
  leaf.setIssuer(subject);
  leaf.setExtensions([
    { name: "basicConstraints", cA: false },
    { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
    { name: "extKeyUsage", [life.isClients === true ? "clientAuth" : "serverAuth"]: true },
    { name: "subjectAltName", altNames: names.map(altName) },
  ]);
  leaf.sign(keys.privateKey, forge.md.sha256.create());
  return {
    cert: forge.pki.certificateToPem(leaf),
    key: forge.pki.privateKeyToPem(own.privateKey),
  };
}

function altName(name: string): object {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name };
}

function makeKeys(): Keys {
  const pair = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return {
    privateKey: forge.pki.privateKeyFromPem(pair.privateKey),
    publicKey: forge.pki.publicKeyFromPem(pair.publicKey) as forge.pki.rsa.PublicKey,
  };
}

function blank(keys: Keys, life: Life): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  // Positive and without leading zeros, as DER wants its integers.
  certificate.serialNumber = `7f${randomBytes(15).toString("hex")}`;
  certificate.validity.notBefore = life.notBefore ?? new Date(Date.now() - day);
  certificate.validity.notAfter = life.notAfter ?? new Date(Date.now() + 30 * day);
  return certificate;
}
