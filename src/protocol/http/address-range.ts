/** Ranges of addresses as operators write them (CIDR, RFC 4632 §3.1): `10.0.0.0/8`, `fe80::/10`, `192.168.1.7`. */
import { BlockList, isIP } from "node:net";

export type AddressRange = {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
};

/** A single address is a range of one; an IPv6 one may stand in brackets. Undefined when malformed. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const match = /^(\[?)([0-9a-fA-F:.]+)(\]?)(?:\/(\d{1,3}))?$/.exec(text.trim());
  const address = match?.[2] ?? "";
  const width = isIP(address) === 4 ? 32 : 128;
  const bits = match?.[4] === undefined ? width : Number(match[4]);
  const hasBothBrackets = (match?.[1] === "") === (match?.[3] === "");
  if (isIP(address) === 0 || bits > width || !hasBothBrackets) return undefined;
  return { address, bits, family: width === 32 ? "ipv4" : "ipv6" };
}

/** Many of them; an IPv4 range holds its addresses in IPv6 clothes (`::ffff:10.0.0.1`) too. */
export class AddressRanges {
  readonly #list = new BlockList();

  constructor(ranges: readonly AddressRange[]) {
    for (const { address, bits, family } of ranges) this.#list.addSubnet(address, bits, family);
  }

  /** Whether this address, with or without a zone, lies in one of them; never for what is no address. */
  has(address: string): boolean {
    const bare = address.replace(/%.*$/s, "");
    const family = isIP(bare);
    return family !== 0 && this.#list.check(bare, family === 4 ? "ipv4" : "ipv6");
  }
}
