/**
 * Leaf certificates for the hosts whose TLS ends here: minted when first asked for, kept for the most
 * recent thousand hosts, and renewed long before they end, without a restart. The contexts in which they
 * are used are dear, and kept for fewer.
 */

import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { isIP } from "node:net";
import type { SecureContext } from "node:tls";
import { BoundedMap } from "../../../runtime/bounded-map.ts";
import { serverContext } from "../../server/tls-handshake.ts";
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
  /** Hosts whose contexts are kept. */
  readonly capacity?: number | undefined;
  /** PEM; whose certificates clients have to show. Left out, none is asked for. */
  readonly clientAuthorities?: readonly string[] | undefined;
};

/** What a context is used by, until it has closed. */
type Connection = { once(event: "close", listener: () => void): unknown };

type Leaf = {
  /** The leaf and what stands between it and the root, PEM. */
  readonly chain: string;
  readonly notBefore: number;
  readonly renewAt: number;
};

const day = 86_400_000;
const life = 30 * day;
/** Some 24 MiB of them. */
const mostContexts = 400;
const leafBytes = 4 * 1024 * 1024;

export class LeafIssuer {
  readonly #authority: Authority;
  readonly #now: () => number;
  /** One pair for all leaves, of this process alone: an exchange of keys costs no minting of keys. */
  readonly #publicKey: KeyObject;
  readonly #privateKey: string;
  /** Least recently used first. */
  readonly #leaves = new BoundedMap<string, Leaf>({
    limit: 1_000,
    bytes: { limit: leafBytes, of: ({ chain }, host) => 300 + host.length + chain.length },
  });
  readonly #contexts: LeafContexts;

  constructor(options: LeafIssuerOptions) {
    const { authority, now, capacity = mostContexts, clientAuthorities = [] } = options;
    this.#authority = authority;
    this.#now = now;
    const make = (cert: string) =>
      serverContext({ cert, key: this.#privateKey }, clientAuthorities);
    this.#contexts = new LeafContexts(capacity, make);
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#publicKey = publicKey;
    this.#privateKey = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  }

  /** What a TLS server for this host (a name or an address, already validated) uses, for one connection. */
  contextFor(host: string, connection?: Connection): SecureContext {
    return this.#contexts.of(host, this.chainFor(host), connection);
  }

  /** The host's certificate and what stands between it and the root, PEM. */
  chainFor(host: string): string {
    const kept = this.#leaves.get(host);
    const leaf = kept === undefined || !isGood(kept, this.#now()) ? this.#mint(host) : kept;
    this.#leaves.set(host, leaf);
    return leaf.chain;
  }

  /** Contexts that take memory now. */
  get openContexts(): number {
    return this.#contexts.open;
  }

  #mint(host: string): Leaf {
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
    return { chain: leaf + chain, notBefore, renewAt: now + ((ends - now) * 2) / 3 };
  }
}

type Kept = {
  readonly context: SecureContext;
  /** What it was made of. */
  readonly chain: string;
  users: number;
  /** Somebody has it who did not say until when. */
  isLent: boolean;
  isOut: boolean;
};

/**
 * The TLS contexts of the hosts that were asked for last. OpenSSL needs some 60 KiB for each, which the
 * garbage collector knows nothing of: one that is pushed out is closed by hand, once nobody uses it.
 */
class LeafContexts {
  readonly #most: number;
  readonly #make: (chain: string) => SecureContext;
  /** Least recently used first. */
  readonly #kept = new Map<string, Kept>();
  #open = 0;

  constructor(most: number, make: (chain: string) => SecureContext) {
    this.#most = most;
    this.#make = make;
  }

  /** All that are not closed: of hosts asked for last, and those pushed out that are still in use. */
  get open(): number {
    return this.#open;
  }

  /** The host's, for that certificate chain. It is good until `user` has closed. */
  of(host: string, chain: string, user: Connection | undefined): SecureContext {
    const kept = this.#keptFor(host, chain);
    if (user === undefined) kept.isLent = true;
    else {
      kept.users += 1;
      user.once("close", () => {
        kept.users -= 1;
        this.#closeUnused(kept);
      });
    }
    return kept.context;
  }

  #keptFor(host: string, chain: string): Kept {
    const before = this.#kept.get(host);
    this.#kept.delete(host);
    const isSame = before?.chain === chain;
    const kept = isSame ? before : this.#made(chain);
    if (before !== undefined && !isSame) this.#pushOut(before);
    this.#kept.set(host, kept);
    const [oldest] = this.#kept;
    if (this.#kept.size > this.#most && oldest !== undefined) {
      this.#kept.delete(oldest[0]);
      this.#pushOut(oldest[1]);
    }
    return kept;
  }

  #made(chain: string): Kept {
    const context = this.#make(chain);
    this.#open += 1;
    return { context, chain, users: 0, isLent: false, isOut: false };
  }

  #pushOut(kept: Kept): void {
    kept.isOut = true;
    this.#closeUnused(kept);
  }

  #closeUnused({ context, users, isLent, isOut }: Kept): void {
    if (!isOut || users > 0 || isLent) return;
    this.#open -= 1;
    const native: unknown = context.context;
    // Node's own, and nowhere written down: without it the collector comes to it in the end.
    const close: unknown = native instanceof Object ? Reflect.get(native, "close") : undefined;
    if (typeof close === "function") close.call(native);
  }
}

/** One made by a clock that was fast is not valid yet once that is set right. */
function isGood({ notBefore, renewAt }: Leaf, now: number): boolean {
  return notBefore <= now && now < renewAt;
}

/**
 * For people who look; the name that counts is in the extension. It holds 64 characters at most, and
 * OpenSSL takes an address in it for a DNS name, which name constraints then forbid.
 */
function commonName(host: string): string | undefined {
  return isIP(host) === 0 && host.length <= 63 ? host : undefined;
}
