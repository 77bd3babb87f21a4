/**
 * Certificates made on the spot: an authority of the test's own and leaves it signs. Their keys come from a
 * few that a process makes once, since making one takes longer than most tests.
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
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
  authorityKeys ??= newKeys(2048);
  const keys = authorityKeys;
  const subject = [
    { name: "commonName", value: commonName },
    // Every authority has the same key, and must not pass for another.
    { shortName: "OU", value: randomBytes(8).toString("hex") },
  ];
  const certificate = blank(keys, {});
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    { name: "subjectKeyIdentifier" },
  ]);
  signWith(keys, certificate);
  const ca = forge.pki.certificateToPem(certificate);
  let own: Keys | undefined;
  return {
    ca,
    issue: (names, life = {}) => {
      // One pair for all leaves.
      own ??= makeKeys();
      return { ...issueLeaf({ names, life, keys, own, subject }), ca };
    },
  };
}

export type Keys = {
  /** PEM, PKCS #1. */
  readonly privateKey: string;
  readonly publicKey: forge.pki.rsa.PublicKey;
};
type Leaf = {
  readonly names: readonly string[];
  readonly life: Life;
  /** The authority's. */
  readonly keys: Keys;
  /** The leaf's. */
  readonly own: Keys;
  readonly subject: forge.pki.CertificateField[];
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
  signWith(keys, leaf);
  return {
    cert: forge.pki.certificateToPem(leaf),
    key: own.privateKey,
  };
}

function altName(name: string): object {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name };
}

let authorityKeys: Keys | undefined;
const leafKeys: Keys[] = [];
let asked = 0;

/** RSA of 2,048 bits for a leaf; the same ones again after twelve. */
export function makeKeys(): Keys {
  const at = asked % 12;
  asked += 1;
  leafKeys[at] ??= newKeys(2048);
  return leafKeys[at];
}

export function newKeys(bits: number): Keys {
  const pair = generateKeyPairSync("rsa", {
    modulusLength: bits,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  return {
    privateKey: pair.privateKey,
    publicKey: forge.pki.publicKeyFromPem(pair.publicKey) as forge.pki.rsa.PublicKey,
  };
}

/** As forge does it, some fifty times as fast. */
export function signWith(
  { privateKey }: Keys,
  certificate: forge.pki.Certificate,
  digest: "sha1" | "sha256" = "sha256",
): void {
  const signer: Partial<forge.pki.rsa.PrivateKey> = {
    sign: () => {
      const toSign = forge.asn1.toDer(certificate.tbsCertificate).getBytes();
      return sign(digest, Buffer.from(toSign, "latin1"), privateKey).toString("latin1");
    },
  };
  certificate.sign(signer as forge.pki.rsa.PrivateKey, forge.md[digest].create());
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
