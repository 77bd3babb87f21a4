/**
 * A certificate with its private key, read from PEM and known to fit; and which of several a client
 * that asks for a name gets.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { SecureContext } from "node:tls";
import { DoorError } from "../door-error.ts";
import { serverContext } from "../server/tls-handshake.ts";

export type KeyPair = {
  readonly leaf: X509Certificate;
  /** How many certificates lead from the leaf on, itself included. */
  readonly chainLength: number;
  readonly notBefore: number;
  readonly notAfter: number;
  /** PEM, the leaf first. */
  readonly chain: string;
  readonly key: KeyObject;
  /** In which no client is asked for a certificate. */
  readonly context: SecureContext;
};

const certificateBlocks = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const keyBlocks =
  /-----BEGIN (?:\w+ )*PRIVATE KEY-----(?:[^-]|-(?!----BEGIN))+?-----END (?:\w+ )*PRIVATE KEY-----/g;

/** The certificates of a PEM text, in their order. */
export function certificatesIn(text: string): readonly string[] {
  return text.match(certificateBlocks) ?? [];
}

/** The private keys of a PEM text; one with a pass-phrase is none that can be used. */
export function keysIn(text: string): readonly KeyObject[] {
  return (text.match(keyBlocks) ?? []).flatMap((block) => {
    try {
      return [createPrivateKey(block)];
    } catch {
      return [];
    }
  });
}

/** Throws DoorError CERTIFICATE when there is no certificate in it, KEY when none of the keys is its own. */
export function pairUp(chain: string, keys: readonly KeyObject[], where: string): KeyPair {
  const certificates = certificatesIn(chain);
  const leaf = readLeaf(certificates[0], where);
  const key = keys.find((one) => leaf.checkPrivateKey(one));
  if (key === undefined) {
    throw new DoorError(
      "KEY",
      `the key of ${where} is not the certificate's; the two have to be a pair`,
    );
  }
  const own = { chain: certificates.join("\n"), key };
  try {
    return {
      ...{ leaf, ...own, chainLength: certificates.length },
      notBefore: leaf.validFromDate.getTime(),
      notAfter: leaf.validToDate.getTime(),
      context: contextOf(own, []),
    };
  } catch (error) {
    // OpenSSL's own rules: a key that is too short, a digest that is too weak.
    throw unusable(where, error);
  }
}

/** In which clients show certificates of these authorities (PEM), where there are any. */
export function contextOf(
  { chain: cert, key }: Pick<KeyPair, "chain" | "key">,
  clientAuthorities: readonly string[],
): SecureContext {
  const pem = key.export({ type: "pkcs8", format: "pem" }).toString();
  return serverContext({ cert, key: pem }, clientAuthorities);
}

function unusable(where: string, cause: unknown): DoorError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  const sentence = `${where} holds a certificate that cannot be used${reason}`;
  return new DoorError("CERTIFICATE", sentence, { cause });
}

function readLeaf(text: string | undefined, where: string): X509Certificate {
  if (text === undefined) throw new DoorError("CERTIFICATE", `${where} holds no certificate`);
  try {
    return new X509Certificate(text);
  } catch (error) {
    throw unusable(where, error);
  }
}

/** Whether a client that wants this name or address takes the certificate for it. */
export function isFor({ leaf }: KeyPair, name: string): boolean {
  return isIP(name) === 0 ? leaf.checkHost(name) !== undefined : leaf.checkIP(name) !== undefined;
}

/** The one for that name that is good longest; undefined when there is none. */
export function pairFor(pairs: readonly KeyPair[], name: string): KeyPair | undefined {
  return pairs
    .filter((pair) => isFor(pair, name))
    .reduce<KeyPair | undefined>((best, pair) => longerLived(best, pair), undefined);
}

function longerLived(best: KeyPair | undefined, pair: KeyPair): KeyPair {
  return best === undefined || pair.notAfter > best.notAfter ? pair : best;
}

/** As certificates print them: `registry.example.com, *.example.com, 10.0.0.1`. */
export function namesOf({ leaf }: KeyPair): string {
  return (leaf.subjectAltName ?? leaf.subject).replace(/\b(?:DNS|IP Address):/g, "");
}
