/**
 * Leaf certificates for the hosts whose TLS ends here: minted when first asked for, kept for the most
 * recent thousand hosts, and renewed long before they end, without a restart.
 */

import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { isIP } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import { BoundedMap } from "../../../runtime/bounded-map.ts";
import type { Authority } from "./ca.ts";
import { distinguishedName, signCertificate } from "./certificate.ts";
import {
  authorityKeyIdentifier,
  basicConstraints,
  keyUsage,
  serverAuthOnly,
  subjectAltName,
} from "./extensions.ts";

export type LeafIssuerOptions = {
  readonly authority: Authority;
  readonly now: () => number;
  readonly capacity?: number | undefined;
};

export type Leaf = {
  readonly context: SecureContext;
  /** The leaf and what stands between it and the root, PEM. */
  readonly chain: string;
};

type KeptLeaf = Leaf & { readonly notBefore: number; readonly renewAt: number };

const day = 86_400_000;
const life = 30 * day;

export class LeafIssuer {
  readonly #authority: Authority;
  readonly #now: () => number;
  /** One pair for all leaves, of this process alone: an exchange of keys costs no minting of keys. */
  readonly #publicKey: KeyObject;
  readonly #privateKey: string;
  /** Least recently used first. */
  readonly #leaves: BoundedMap<string, KeptLeaf>;

  constructor({ authority, now, capacity = 1_000 }: LeafIssuerOptions) {
    this.#authority = authority;
    this.#now = now;
    this.#leaves = new BoundedMap({ limit: capacity });
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#publicKey = publicKey;
    this.#privateKey = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  }

  /** What a TLS server for this host (a name or an address, already validated) uses. */
  contextFor(host: string): SecureContext {
    return this.leafFor(host).context;
  }

  leafFor(host: string): Leaf {
    const kept = this.#leaves.get(host);
    const leaf = kept === undefined || !isGood(kept, this.#now()) ? this.#mint(host) : kept;
    this.#leaves.set(host, leaf);
    return leaf;
  }

  #mint(host: string): KeptLeaf {
    const { subject, keyIdentifier, key, chain, notAfter } = this.#authority;
    const now = this.#now();
    const notBefore = now - 2 * day; // a client's clock may be behind
    const ends = Math.min(now + life, notAfter);
    const leaf = signCertificate(
      {
        issuer: subject,
        subject: distinguishedName("Entrepot", commonName(host)),
        notBefore,
        notAfter: ends,
        publicKey: this.#publicKey,
        extensions: [
          basicConstraints(false),
          keyUsage(false),
          serverAuthOnly(),
          subjectAltName(host),
          ...(keyIdentifier === undefined ? [] : [authorityKeyIdentifier(keyIdentifier)]),
        ],
      },
      key,
    );
    const full = leaf + chain;
    // No trust store: left out, each context would carry the system's, and no client is verified here.
    const context = createSecureContext({ cert: full, key: this.#privateKey, ca: [] });
    return { context, chain: full, notBefore, renewAt: now + ((ends - now) * 2) / 3 };
  }
}

/** One made by a clock that was fast is not valid yet once that is set right. */
function isGood({ notBefore, renewAt }: KeptLeaf, now: number): boolean {
  return notBefore <= now && now < renewAt;
}

/**
 * For people who look; the name that counts is in the extension. It holds 64 characters at most, and
 * OpenSSL takes an address in it for a DNS name, which name constraints then forbid.
 */
function commonName(host: string): string | undefined {
  return isIP(host) === 0 && host.length <= 63 ? host : undefined;
}
