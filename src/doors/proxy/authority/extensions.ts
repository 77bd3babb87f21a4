/** The certificate extensions that a CA and its leaves carry (RFC 5280 §4.2.1). */
import { isIP, isIPv4, isIPv6 } from "node:net";
import {
  type Asn1,
  addressBytes,
  bits,
  integer,
  octets,
  oid,
  sequence,
  tagged,
  truth,
} from "./der.ts";

export type Extension = { readonly id: string; readonly isCritical: boolean; readonly value: Asn1 };

export const subjectKeyIdentifierId = "2.5.29.14";
export const nameConstraintsId = "2.5.29.30";

/** A CA of ours has no CA below it: path length 0. */
export function basicConstraints(isCa: boolean): Extension {
  const value = sequence(isCa ? [truth(), integer(Buffer.from([0]))] : []);
  return { id: "2.5.29.19", isCritical: true, value };
}

/** For a CA bits 5 and 6 (keyCertSign, cRLSign), for a leaf bit 0 (digitalSignature). */
export function keyUsage(isCa: boolean): Extension {
  const value = isCa ? bits(Buffer.from([0x06]), 1) : bits(Buffer.from([0x80]), 7);
  return { id: "2.5.29.15", isCritical: true, value };
}

export function serverAuthOnly(): Extension {
  return { id: "2.5.29.37", isCritical: false, value: sequence([oid("1.3.6.1.5.5.7.3.1")]) };
}

export function subjectKeyIdentifier(identifier: Buffer): Extension {
  return { id: subjectKeyIdentifierId, isCritical: false, value: octets(identifier) };
}

export function authorityKeyIdentifier(identifier: Buffer): Extension {
  return { id: "2.5.29.35", isCritical: false, value: sequence([tagged(0, identifier)]) };
}

/** Exactly one DNS name or one address. */
export function subjectAltName(host: string): Extension {
  const name = isIP(host) === 0 ? tagged(2, Buffer.from(host)) : tagged(7, addressBytes(host));
  return { id: "2.5.29.17", isCritical: false, value: sequence([name]) };
}

/** The authority is good for these hosts, for what is below them, and for nothing else. */
export function nameConstraints(hosts: readonly string[]): Extension {
  const permitted = hosts.map((host) => sequence([constraint(host)]));
  // A kind of name with no permitted entry is unlimited, unless all of it is excluded.
  const excluded = [
    ...(hosts.some(isIPv4) ? [] : [sequence([tagged(7, Buffer.alloc(8))])]),
    ...(hosts.some(isIPv6) ? [] : [sequence([tagged(7, Buffer.alloc(32))])]),
  ];
  const subtrees = [tagged(0, permitted), ...(excluded.length > 0 ? [tagged(1, excluded)] : [])];
  return { id: nameConstraintsId, isCritical: true, value: sequence(subtrees) };
}

function constraint(host: string): Asn1 {
  if (isIP(host) === 0) return tagged(2, Buffer.from(host));
  const address = addressBytes(host);
  return tagged(7, Buffer.concat([address, Buffer.alloc(address.length, 0xff)]));
}
