/**
 * What an IP address is for: whether dialling it leaves for the internet, stays in the network, or
 * comes back to this machine. Addresses that carry another one (IPv4-mapped, NAT64, 6to4) are judged
 * by what they carry. (RFC 6890 and the IANA special-purpose registries.)
 */
import { isIPv4, isIPv6 } from "node:net";
import { AddressRanges, parseAddressRange } from "../../protocol/http/address-range.ts";

export type AddressKind =
  | "public"
  | "private"
  | "loopback"
  | "link-local"
  | "metadata"
  | "unspecified"
  | "multicast"
  | "CGNAT"
  | "reserved";

const ranges: readonly (readonly [AddressKind, readonly string[]])[] = [
  // Where clouds answer with credentials: AWS, GCP, Azure and others, Alibaba, Oracle, Azure's wire server.
  [
    "metadata",
    [
      "169.254.169.254/32",
      "169.254.170.2/32",
      "100.100.100.200/32",
      "192.0.0.192/32",
      "168.63.129.16/32",
      "fd00:ec2::254/128",
      "fd20:ce::254/128",
    ],
  ],
  ["unspecified", ["0.0.0.0/8", "::/128"]],
  ["loopback", ["127.0.0.0/8", "::1/128"]],
  ["link-local", ["169.254.0.0/16", "fe80::/10"]],
  ["multicast", ["224.0.0.0/4", "ff00::/8"]],
  ["CGNAT", ["100.64.0.0/10"]],
  ["private", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"]],
  ["reserved", ["192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4"]],
];

/** Bits before an IPv4 address within an IPv6 one, with the place where it starts. */
const carriers: readonly { readonly prefix: string; readonly bits: number; readonly at: number }[] =
  [
    { prefix: "::ffff:0:0", bits: 96, at: 6 },
    { prefix: "::ffff:0:0:0", bits: 96, at: 6 },
    { prefix: "64:ff9b::", bits: 96, at: 6 },
    { prefix: "2002::", bits: 16, at: 1 },
    { prefix: "::", bits: 96, at: 6 },
  ];

const lists = ranges.map(([kind, cidrs]) => [kind, rangesOf(cidrs)] as const);
const carrierLists = carriers.map(({ prefix, bits, at }) => ({
  list: rangesOf([`${prefix}/${bits}`]),
  at,
}));
const globalUnicast = rangesOf(["2000::/3"]);
/** Teredo hides its peer's address; ORCHID and the discard prefix lead nowhere. */
const deadIPv6 = rangesOf(["2001::/23", "100::/64"]);

export function addressKind(address: string): AddressKind {
  const bare = address.replace(/%.*$/s, "");
  if (isIPv4(bare)) return kindIn(bare) ?? "public";
  if (!isIPv6(bare)) return "reserved";
  // First by itself: `::1` and `::` lie in the range that also carries IPv4 addresses.
  const own = kindIn(bare);
  if (own !== undefined) return own;
  const carrier = carrierLists.find(({ list }) => list.has(bare));
  if (carrier !== undefined) return addressKind(carriedIPv4(bare, carrier.at));
  const isGlobal = globalUnicast.has(bare) && !deadIPv6.has(bare);
  return isGlobal ? "public" : "reserved";
}

/** What a listener is bound to when it takes connections to any address. */
export function isWildcard(host: string): boolean {
  return host === "" || addressKind(host) === "unspecified";
}

function kindIn(address: string): AddressKind | undefined {
  return lists.find(([, list]) => list.has(address))?.[0];
}

function rangesOf(cidrs: readonly string[]): AddressRanges {
  return new AddressRanges(cidrs.map(parseAddressRange).filter((range) => range !== undefined));
}

/** The two groups from `at` on, as dotted decimals. */
function carriedIPv4(address: string, at: number): string {
  const groups = expand(address);
  const high = groups[at] ?? 0;
  const low = groups[at + 1] ?? 0;
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

function expand(address: string): number[] {
  // The URL parser turns a dotted tail into groups of hex.
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = "", tail] = text.split("::");
  const front = groupsOf(head);
  const back = groupsOf(tail ?? "");
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length;
  return [...front, ...new Array<number>(zeros).fill(0), ...back];
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}
