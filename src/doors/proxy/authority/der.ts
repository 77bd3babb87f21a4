/** The few words of ASN.1 that certificates are made of, on top of node-forge's reader and writer. */
import forge from "node-forge";

export type Asn1 = forge.asn1.Asn1;

const { asn1 } = forge;
const { Class, Type } = asn1;

/** Bit strings stay bytes: forge would otherwise open one, a key say, that happens to look like DER. */
const readExactly = { strict: true, parseAllBytes: true, decodeBitStrings: false };

// What forge can do and its published types do not know.
const reader = asn1 as unknown as {
  fromDer(bytes: forge.util.ByteBuffer, options: typeof readExactly): Asn1;
};
const addresses = forge.util as unknown as { bytesFromIP(address: string): string };

export function sequence(members: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, members);
}

export function set(members: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, members);
}

export function oid(dotted: string): Asn1 {
  return primitive(Type.OID, asn1.oidToDer(dotted).getBytes());
}

/** Big-endian two's complement, as short as it can be. */
export function integer(bytes: Buffer): Asn1 {
  return primitive(Type.INTEGER, binary(bytes));
}

export function truth(): Asn1 {
  return primitive(Type.BOOLEAN, "\xff");
}

export function nothing(): Asn1 {
  return primitive(Type.NULL, "");
}

export function octets(bytes: Buffer): Asn1 {
  return primitive(Type.OCTETSTRING, binary(bytes));
}

export function bits(bytes: Buffer, unused = 0): Asn1 {
  return primitive(Type.BITSTRING, String.fromCharCode(unused) + binary(bytes));
}

export function utf8(text: string): Asn1 {
  return primitive(Type.UTF8, binary(Buffer.from(text, "utf8")));
}

/** RFC 5280 §4.1.2.5: UTCTime until 2049, GeneralizedTime after. */
export function time(date: Date): Asn1 {
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, asn1.dateToUtcTime(date))
    : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date));
}

/** `[number]`, around other values or, given bytes, instead of their own tag. */
export function tagged(number: number, content: Asn1[] | Buffer): Asn1 {
  return Array.isArray(content)
    ? asn1.create(Class.CONTEXT_SPECIFIC, number, true, content)
    : asn1.create(Class.CONTEXT_SPECIFIC, number, false, binary(content));
}

export function isTagged(value: Asn1, number: number): boolean {
  return value.tagClass === Class.CONTEXT_SPECIFIC && Number(value.type) === number;
}

/** Throws when the bytes are not DER. */
export function parseDer(der: Buffer): Asn1 {
  return reader.fromDer(forge.util.createBuffer(binary(der)), readExactly);
}

export function printDer(value: Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), "binary");
}

/** The 4 or 16 bytes of a valid address. */
export function addressBytes(address: string): Buffer {
  return Buffer.from(addresses.bytesFromIP(address), "binary");
}

/** The values inside a constructed one; none for anything else. */
export function parts(value: Asn1 | undefined): readonly Asn1[] {
  return Array.isArray(value?.value) ? value.value : [];
}

/** The content of a primitive value. */
export function contentOf(value: Asn1 | undefined): Buffer {
  return Buffer.from(typeof value?.value === "string" ? value.value : "", "binary");
}

export function isOid(value: Asn1 | undefined, dotted: string): boolean {
  return contentOf(value).equals(contentOf(oid(dotted)));
}

function primitive(type: forge.asn1.Type, content: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, type, false, content);
}

function binary(bytes: Buffer): string {
  return bytes.toString("binary");
}
