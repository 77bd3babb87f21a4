/**
 * Who may come in: which client addresses, with which proxy login, and how many connections each.
 * Decides only; the doors answer.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { isIPv4 } from "node:net";
import type { Duplex } from "node:stream";
import { AddressRanges, parseAddressRange } from "../../protocol/http/address-range.ts";
import { DoorError } from "../door-error.ts";
import type { ObserveDoor } from "../door-event.ts";
import { ConnectionPlaces } from "./connection-places.ts";

export type AdmissionOptions = {
  /** CIDRs or single addresses; without it: loopback, RFC 1918, ULA and link-local. */
  readonly allowClients?: readonly string[] | undefined;
  /** `user:password`, any of which opens CONNECT and absolute-form; none: no login is asked for. */
  readonly proxyLogins?: readonly string[] | undefined;
  /** Open connections per client address, 4,096; loopback is exempt. */
  readonly maxPerClient?: number | undefined;
  /** Open connections of all clients, 10,000. */
  readonly maxConnections?: number | undefined;
  /** Addresses that stand for a crowd, whose connections therefore are not one client's. */
  readonly gateways?: ReadonlySet<string> | undefined;
  /** Called once, when somebody comes from one of those. */
  readonly onGateway?: ((client: string) => void) | undefined;
  /** Called for each connection that comes. */
  readonly onNewcomer?: (() => void) | undefined;
  readonly observe?: ObserveDoor | undefined;
  readonly now?: (() => number) | undefined;
};

const usualClients: readonly string[] = [
  "127.0.0.0/8",
  "::1/128",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "fc00::/7",
  "fe80::/10",
];

export class Admission {
  readonly #clients: AddressRanges;
  readonly #logins: readonly Buffer[];
  readonly #places: ConnectionPlaces;
  readonly #onNewcomer: () => void;
  readonly #gateways: ReadonlySet<string>;
  #onGateway: ((client: string) => void) | undefined;

  /** Throws DoorError SETTING when a range or a login makes no sense. */
  constructor(options: AdmissionOptions = {}) {
    this.#clients = addressRanges(options.allowClients ?? usualClients);
    this.#logins = (options.proxyLogins ?? []).map(digestOfLogin);
    this.#gateways = options.gateways ?? new Set();
    this.#onGateway = options.onGateway;
    this.#places = new ConnectionPlaces({
      perClient: options.maxPerClient ?? 4_096,
      total: options.maxConnections ?? 10_000,
      isExempt: (client) => isLoopback(client) || this.#gateways.has(client),
      observe: options.observe ?? (() => undefined),
      now: options.now ?? Date.now,
    });
    this.#onNewcomer = options.onNewcomer ?? (() => undefined);
  }

  mayEnter(client: string): boolean {
    return this.#clients.has(client);
  }

  get asksForLogin(): boolean {
    return this.#logins.length > 0;
  }

  /** Whether a Proxy-Authorization value opens the forward proxy. */
  hasLogin(proxyAuthorization: string | undefined): boolean {
    if (!this.asksForLogin) return true;
    const match = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(proxyAuthorization ?? "");
    if (match === null) return false;
    const given = digest(Buffer.from(match[1] ?? "", "base64"));
    // Every login is compared, so that the time tells nothing about which one came close.
    return this.#logins.filter((login) => timingSafeEqual(login, given)).length > 0;
  }

  /**
   * Counts one connection until it closes; false when there are too many already, this client's or in all,
   * and every one of them is busy.
   */
  enter(client: string, connection: Duplex): boolean {
    this.#onNewcomer();
    if (this.#onGateway !== undefined && this.#gateways.has(client)) {
      this.#onGateway(client);
      this.#onGateway = undefined;
    }
    return this.#places.enter(client, connection);
  }

  /** `inner` is spoken on `outer`. */
  wrap(outer: Duplex, inner: Duplex): void {
    this.#places.wrap(outer, inner);
  }

  /** Somebody is being answered on the connection, or it was given away: it ends for nobody else. */
  occupy(connection: Duplex): void {
    this.#places.occupy(connection);
  }

  /** Nobody is any more, as long as `isStill` says so: it may have to make room for somebody who comes. */
  release(connection: Duplex, isStill?: () => boolean): void {
    this.#places.release(connection, isStill);
  }
}

/** Throws DoorError SETTING naming the one that is wrong. */
export function addressRanges(texts: readonly string[]): AddressRanges {
  const ranges = texts.map((text) => {
    const range = parseAddressRange(text);
    if (range !== undefined) return range;
    throw new DoorError("SETTING", `${text} is no address range: write 10.0.0.0/8 or fe80::/10`);
  });
  return new AddressRanges(ranges);
}

/** The socket's peer, IPv4 spelt as IPv4 on a dual-stack listener; "" once it is gone. */
export function clientAddress(connection: { readonly remoteAddress?: string | undefined }): string {
  const address = (connection.remoteAddress ?? "").replace(/%.*$/s, "");
  const embedded = address.startsWith("::ffff:") ? address.slice(7) : "";
  return isIPv4(embedded) ? embedded : address;
}

export function isLoopback(address: string): boolean {
  return address === "::1" || (isIPv4(address) && address.startsWith("127."));
}

function digestOfLogin(login: string): Buffer {
  if (!/^[^:]+:/.test(login)) {
    throw new DoorError("SETTING", "PROXY_AUTH must be written user:password");
  }
  return digest(Buffer.from(login, "utf8"));
}

function digest(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}
