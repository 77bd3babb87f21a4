/** Where this process can be reached, as far as it is known so far; ports are known once it listens. */
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { addressRanges, isLoopback } from "../../doors/server/admission.ts";
import { isInnerName } from "../../doors/server/foreign.ts";
import { hostMatcher } from "../../protocol/host-pattern.ts";
import type { HostPort } from "../../protocol/http/host-port.ts";
import type { GivenSockets } from "../given-sockets.ts";
import type { Settings } from "../settings/settings.ts";

export type Listen = {
  /** Names of this machine and of the mirror. */
  readonly hosts: readonly string[];
  readonly addresses: () => readonly string[];
  readonly listeners: () => readonly HostPort[];
  /** Ports of the public listeners, also of those that came to be known when they opened. */
  readonly publicPorts: ReadonlySet<number>;
  /** The port where clients connect. */
  readonly port: () => number;
  readonly sockets: GivenSockets;
  /** A public listener is open. */
  readonly opened: (door: "clients" | "tls", port: number) => void;
  /** Undefined when there is none. */
  readonly backOfficePort: number | undefined;
};

export function composeListen(settings: Settings, sockets: GivenSockets = {}): Listen {
  const { host, port, tlsPort, adminHost, adminPort } = settings.listen;
  const name = hostname().toLowerCase();
  const hosts = [
    name,
    `${name.split(".", 1)[0]}.local`,
    ...settings.mirror.hosts.map((m) => m.host),
    ...settings.hosted.hosts.map((one) => one.host),
  ];
  const ports = [port, ...(tlsPort === undefined ? [] : [tlsPort])];
  const publicPorts = new Set(ports);
  let clientsPort = port;
  const backOffice = adminPort === 0 ? [] : [{ host: adminHost, port: adminPort }];
  const listeners = [...ports.map((each) => ({ host, port: each })), ...backOffice];
  return {
    hosts,
    addresses: ownAddresses,
    listeners: () => listeners,
    publicPorts,
    port: () => clientsPort,
    sockets,
    opened: (door, at) => {
      publicPorts.add(at);
      if (door === "clients") clientsPort = at;
    },
    backOfficePort: backOffice[0]?.port,
  };
}

/** Whether no outsider can lead a name here: it is ours, or one that nobody outside can own. */
export function safeNames(
  { listen: { publicUrl }, mirror }: Settings,
  { hosts }: Pick<Listen, "hosts">,
): (host: string) => boolean {
  const named = publicUrl === undefined ? [] : [new URL(publicUrl).hostname.toLowerCase()];
  const ours = new Set([...hosts, ...named]);
  const isOrdered = hostMatcher(mirror.acmeDomains);
  return (host) => isInnerName(host) || ours.has(host) || isOrdered({ host, port: 443 });
}

/** The addresses of this machine's interfaces right now. */
function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map((one) => one.address),
  );
}

/** Interfaces that lead to containers and virtual machines of this very machine. */
const inward = /^(?:docker|br-|veth|cni|flannel|cali|cilium|kube|podman|virbr|lxc)/;

/** How clients reach a listener. */
export type Reach = {
  /** Addresses, IPv4 first, then the host name; never empty. */
  readonly names: readonly string[];
  readonly warnings: readonly string[];
};

/** Only addresses of networks that may come in, unless there are none such. */
export function reachOf(
  address: string,
  allowClients: readonly string[],
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): Reach {
  if (isLoopback(address)) return { names: [address], warnings: [] };
  const name = hostname().toLowerCase();
  const outward = Object.entries(interfaces).flatMap(([device, list = []]) =>
    inward.test(device) ? [] : list.filter((one) => isListenedOn(one, address)),
  );
  const of = (family: "IPv4" | "IPv6") => outward.filter((one) => one.family === family);
  const [four, all] = [of("IPv4"), [...of("IPv4"), ...of("IPv6")]];
  const ranges = addressRanges(allowClients);
  const open = all.filter((one) => ranges.has(one.address));
  const shown = (open.length > 0 ? open : all).slice(0, 3);
  // Most clients come over IPv4; that a global IPv6 address is not among them surprises nobody.
  const usual = four.length > 0 ? four : all;
  const warnings = usual.some((one) => open.includes(one))
    ? []
    : usual.slice(0, 1).map((one) => refused(one, allowClients));
  return { names: [...shown.map((one) => one.address), name], warnings };
}

function isListenedOn(one: NetworkInterfaceInfo, address: string): boolean {
  if (address === "0.0.0.0" && one.family === "IPv6") return false;
  const isWildcard = address === "::" || address === "0.0.0.0";
  return !one.internal && !isLinkLocal(one.address) && (isWildcard || one.address === address);
}

/** The whole list, since what is written takes the place of what was there. */
function refused({ address, cidr }: NetworkInterfaceInfo, allowed: readonly string[]): string {
  const wanted = `ALLOW_CLIENTS="${[...allowed, networkOf(address, cidr)].join(" ")}"`;
  return `clients in the network of ${address} are refused; ${wanted} would let them in`;
}

/** IPv4 without the bits that are one machine's; of IPv6 as it stands, since whoever reads it takes no more of it. */
function networkOf(address: string, cidr: string | null): string {
  const [, bits] = cidr?.split("/") ?? [];
  if (bits === undefined || !address.includes(".")) return cidr ?? address;
  const whole = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  const network = whole - (whole % size);
  const parts = [24, 16, 8, 0].map((shift) => Math.floor(network / 2 ** shift) % 256);
  return `${parts.join(".")}/${bits}`;
}

function isLinkLocal(address: string): boolean {
  return /^(?:169\.254\.|fe[89ab])/i.test(address);
}
