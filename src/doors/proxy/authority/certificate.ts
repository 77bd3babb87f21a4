/**
 * X.509 version 3 certificates (RFC 5280): assembled as ASN.1, signed by node:crypto (forge knows no
 * elliptic curves). Also reads from an issuer what its leaves must repeat byte for byte.
 */
import { createHash, type KeyObject, randomBytes, sign } from "node:crypto";
import {
  type Asn1,
  bits,
  contentOf,
  integer,
  isOid,
  isTagged,
  nothing,
  octets,
  oid,
  parseDer,
  parts,
  printDer,
  sequence,
  set,
  tagged,
  time,
  truth,
  utf8,
} from "./der.ts";
import { type Extension, subjectKeyIdentifierId } from "./extensions.ts";

export type CertificateFields = {
  /** Names in DER. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Extension[];
};

/** The certificate in PEM, with a serial number of 128 random bits, signed with SHA-256 by an EC or RSA key. */
export function signCertificate(fields: CertificateFields, key: KeyObject): string {
  const algorithm =
    key.asymmetricKeyType === "rsa"
      ? sequence([oid("1.2.840.113549.1.1.11"), nothing()])
      : sequence([oid("1.2.840.10045.4.3.2")]);
  const toSign = sequence([
    tagged(0, [integer(Buffer.from([2]))]),
    integer(serialNumber()),
    algorithm,
    parseDer(fields.issuer),
    sequence([time(new Date(fields.notBefore)), time(new Date(fields.notAfter))]),
    parseDer(fields.subject),
    parseDer(publicKeyInfo(fields.publicKey)),
    tagged(3, [sequence(fields.extensions.map(extension))]),
  ]);
  const signature = sign("sha256", printDer(toSign), key);
  return printPem(printDer(sequence([toSign, algorithm, bits(signature)])));
}

/** A Name in DER. */
export function distinguishedName(organization: string, commonName?: string): Buffer {
  const attributes = [attribute("2.5.4.10", organization)];
  if (commonName !== undefined) attributes.push(attribute("2.5.4.3", commonName));
  return printDer(sequence(attributes));
}

export type IssuerFields = {
  readonly subject: Buffer;
  readonly keyIdentifier: Buffer | undefined;
};

/** The subject and the subject key identifier of a version 3 certificate in DER. */
export function readIssuer(der: Buffer): IssuerFields {
  const fields = parts(parts(parseDer(der))[0]);
  // version, serial, algorithm, issuer, validity, subject, key, extensions
  const subject = fields[5];
  if (subject === undefined) throw new TypeError("not an X.509 version 3 certificate");
  const identifier = readExtension(der, subjectKeyIdentifierId);
  return {
    subject: printDer(subject),
    keyIdentifier: identifier === undefined ? undefined : contentOf(identifier),
  };
}

/** What an extension of a certificate in DER says; undefined when it has none of that kind. */
export function readExtension(der: Buffer, id: string): Asn1 | undefined {
  const fields = parts(parts(parseDer(der))[0]);
  const extensions = parts(parts(fields.find((field) => isTagged(field, 3)))[0]);
  const wanted = extensions.find((one) => isOid(parts(one)[0], id));
  return wanted === undefined ? undefined : parseDer(contentOf(parts(wanted).at(-1)));
}

/** RFC 5280 §4.2.1.2, the first method. */
export function keyIdentifierOf(publicKey: KeyObject): Buffer {
  const bitString = contentOf(parts(parseDer(publicKeyInfo(publicKey)))[1]);
  // Its first byte counts unused bits and is not part of the key.
  return createHash("sha1").update(bitString.subarray(1)).digest();
}

function publicKeyInfo(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: "spki", format: "der" });
}

/** Positive, and never so small that DER would spell it shorter. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function extension({ id, isCritical, value }: Extension) {
  return sequence([oid(id), ...(isCritical ? [truth()] : []), octets(printDer(value))]);
}

function attribute(id: string, text: string) {
  return set([sequence([oid(id), utf8(text)])]);
}

function printPem(der: Buffer): string {
  const lines = der.toString("base64").replace(/.{64}(?!$)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
