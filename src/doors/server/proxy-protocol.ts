/**
 * The PROXY protocol, versions 1 and 2: a load balancer says whom it speaks for before anything else.
 * Believed from TRUSTED_PROXIES alone, and required of them; others are who they are.
 */
import { isIPv4, isIPv6, type Socket } from "node:net";
import type { AddressRanges } from "../../protocol/http/address-range.ts";
import { addressRanges, clientAddress } from "./admission.ts";

export type ProxyHeader =
  | { readonly kind: "unfinished" }
  /** Not a word of the protocol, or one that makes no sense. */
  | { readonly kind: "wrong" }
  | {
      readonly kind: "header";
      /** Bytes of it. */
      readonly length: number;
      /** Undefined when the proxy speaks for itself, as in its health checks. */
      readonly client: string | undefined;
    };

export type ProxyProtocolOptions = {
  /** CIDRs or single addresses. */
  readonly trusted: readonly string[];
  /** From the connection to the end of the header. */
  readonly timeout?: number | undefined;
  /** Hears of a trusted address whose connections begin with something else, once of each. */
  readonly onSilent?: ((proxy: string) => void) | undefined;
};

const unfinished: ProxyHeader = { kind: "unfinished" };
const wrong: ProxyHeader = { kind: "wrong" };
const longestLine = 107;
const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
/** Addresses and what balancers add to them; more is nothing anybody sends. */
const longestRest = 4_096;
/** Addresses that are told of; more are one and the same mistake. */
const mostTold = 16;

export class ProxyProtocol {
  readonly #trusted: AddressRanges;
  readonly #timeout: number;
  readonly #onSilent: (proxy: string) => void;
  readonly #told = new Set<string>();

  /** Throws DoorError SETTING when a range makes no sense. */
  constructor({ trusted, timeout, onSilent }: ProxyProtocolOptions) {
    this.#trusted = addressRanges(trusted);
    this.#timeout = timeout ?? 10_000;
    this.#onSilent = onSilent ?? (() => undefined);
  }

  /** Calls `then` once it is known whom the connection speaks for, at once if for itself; else it ends. */
  greet(socket: Socket, then: () => void): void {
    if (this.#trusted.has(clientAddress(socket))) this.#await(socket, then);
    else then();
  }

  #await(socket: Socket, then: () => void): void {
    let bytes = Buffer.alloc(0);
    const leave = (): void => void socket.destroy();
    const timer = setTimeout(leave, this.#timeout).unref();
    const look = (): void => {
      const more: Buffer | null = socket.read();
      if (more === null) return;
      bytes = Buffer.concat([bytes, more]);
      const header = readProxyHeader(bytes);
      if (header.kind === "unfinished") return;
      clearTimeout(timer);
      socket.off("readable", look).off("end", leave).off("error", leave);
      if (header.kind === "wrong") {
        this.#tell(clientAddress(socket));
        socket.destroy();
        return;
      }
      const rest = bytes.subarray(header.length);
      if (rest.length > 0) socket.unshift(rest);
      if (header.client !== undefined) speakFor(socket, header.client);
      then();
    };
    socket.once("close", () => clearTimeout(timer));
    socket.on("error", leave).on("end", leave).on("readable", look);
  }

  #tell(proxy: string): void {
    if (this.#told.has(proxy) || this.#told.size >= mostTold) return;
    this.#told.add(proxy);
    this.#onSilent(proxy);
  }
}

/** From now on the connection's peer is this client to everybody who asks it. */
export function speakFor(connection: Socket, client: string): void {
  Object.defineProperty(connection, "remoteAddress", { value: client, configurable: true });
}

/** What the first bytes of a connection say. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (isBeginning(bytes, signature)) return readBinary(bytes);
  return isBeginning(bytes, Buffer.from("PROXY ")) ? readLine(bytes) : wrong;
}

function isBeginning(bytes: Buffer, mark: Buffer): boolean {
  const length = Math.min(bytes.length, mark.length);
  return bytes.subarray(0, length).equals(mark.subarray(0, length));
}

/** `PROXY TCP4 192.0.2.1 192.0.2.2 51234 3128`, or `PROXY UNKNOWN …`. */
function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, longestLine).indexOf("\r\n");
  if (end < 0) return bytes.length < longestLine ? unfinished : wrong;
  const line = bytes.toString("latin1", 0, end);
  if (/^PROXY UNKNOWN(?: |$)/.test(line))
    return { kind: "header", length: end + 2, client: undefined };
  const match = /^PROXY TCP([46]) (\S+) (\S+) \d{1,5} \d{1,5}$/.exec(line);
  const [, family, client = "", target = ""] = match ?? [];
  const isAddress = family === "6" ? isIPv6 : isIPv4;
  if (match === null || !isAddress(client) || !isAddress(target)) return wrong;
  return { kind: "header", length: end + 2, client };
}

function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < 16) return unfinished;
  const [command = 0, family = 0] = bytes.subarray(12);
  const length = bytes.readUInt16BE(14);
  if (command >> 4 !== 2 || length > longestRest) return wrong;
  if (bytes.length < 16 + length) return unfinished;
  const client = binaryClient(bytes.subarray(16, 16 + length), family >> 4);
  const isLocal = (command & 15) === 0;
  if (isLocal || family >> 4 === 0)
    return { kind: "header", length: 16 + length, client: undefined };
  if ((command & 15) !== 1 || client === undefined) return wrong;
  return { kind: "header", length: 16 + length, client };
}

/** 1 is IPv4, 2 IPv6; a UNIX socket (3) has no address that could be let in. */
function binaryClient(rest: Buffer, family: number): string | undefined {
  if (family === 1 && rest.length >= 12) return [...rest.subarray(0, 4)].join(".");
  if (family !== 2 || rest.length < 36) return undefined;
  const groups = Array.from({ length: 8 }, (_, index) => rest.readUInt16BE(index * 2).toString(16));
  return groups.join(":");
}
