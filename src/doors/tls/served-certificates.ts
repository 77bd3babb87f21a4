/**
 * Which certificate a client of the TLS listener gets: one of our own for the name it asked for, and
 * where there is none, a leaf of our CA.
 */
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { parseHostPort } from "../../protocol/http/host-port.ts";
import type { Leaves } from "../server/tls-handshake.ts";
import { contextOf, type KeyPair, pairFor } from "./key-pair.ts";

export type ServedCertificatesOptions = {
  /** What there is now; the first is for clients that name no host. */
  readonly pairs: () => readonly KeyPair[];
  readonly leaves: Leaves;
  /** Whether a name without a certificate of its own gets a leaf, or the first certificate there is. */
  readonly isLeafBetter: boolean;
  /** PEM; whose certificates clients have to show. `leaves` know them by themselves. */
  readonly clientAuthorities?: readonly string[] | undefined;
};

export class ServedCertificates {
  readonly #options: ServedCertificatesOptions;
  readonly #contexts = new WeakMap<KeyPair, SecureContext>();

  constructor(options: ServedCertificatesOptions) {
    this.#options = options;
  }

  /** `name` is what the handshake asked for, `address` where it arrived. Never throws. */
  contextFor(name: string | undefined, address: string, connection?: Socket): SecureContext {
    const { pairs, leaves, isLeafBetter } = this.#options;
    const host =
      parseHostPort(name ?? "", 443)?.host ?? parseHostPort(bracketed(address), 443)?.host;
    const own = pairs();
    const [first] = own;
    const fitting = host === undefined ? undefined : pairFor(own, host);
    const standIn = isLeafBetter && name !== undefined ? undefined : first;
    const pair = fitting ?? standIn;
    // A name that no certificate can have is answered all the same: the client will say what is wrong.
    return pair === undefined
      ? leaves.contextFor(host ?? "localhost", connection)
      : this.#contextOf(pair);
  }

  #contextOf(pair: KeyPair): SecureContext {
    const { clientAuthorities = [] } = this.#options;
    if (clientAuthorities.length === 0) return pair.context;
    const context = this.#contexts.get(pair) ?? contextOf(pair, clientAuthorities);
    this.#contexts.set(pair, context);
    return context;
  }
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
