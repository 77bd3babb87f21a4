/** Where this process can be reached, as far as it is known so far; ports are known once it listens. */
import { hostname, networkInterfaces } from "node:os";
import { isLoopback } from "../../doors/admission.ts";
import type { HostPort } from "../../protocol/http/host-port.ts";
import type { Settings } from "../settings/settings.ts";

export type Listen = {
  /** Names of this machine and of the mirror. */
  readonly hosts: readonly string[];
  readonly addresses: () => readonly string[];
  readonly listeners: () => readonly HostPort[];
  readonly publicPorts: readonly number[];
};

export function composeListen(settings: Settings): Listen {
  const { host, port, tlsPort } = settings.listen;
  const name = hostname().toLowerCase();
  const hosts = [
    name,
    `${name.split(".", 1)[0]}.local`,
    ...settings.mirror.hosts.map((m) => m.host),
  ];
  const publicPorts = [port, ...(tlsPort === undefined ? [] : [tlsPort])];
  const listeners = publicPorts.map((each) => ({ host, port: each }));
  return { hosts, addresses: ownAddresses, listeners: () => listeners, publicPorts };
}

/** The addresses of this machine's interfaces right now. */
function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map((one) => one.address),
  );
}

/** Interfaces that lead to containers and virtual machines of this very machine. */
const inward = /^(?:docker|br-|veth|cni|flannel|cali|cilium|kube|podman|virbr|lxc)/;

/** What clients may call a listener on this address: addresses, IPv4 first, then the host name. */
export function namesFor(
  address: string,
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): readonly string[] {
  if (isLoopback(address)) return [address];
  if (address !== "::" && address !== "0.0.0.0") return [address, hostname().toLowerCase()];
  const outward = Object.entries(interfaces).flatMap(([name, list = []]) =>
    inward.test(name) ? [] : list.filter((one) => !one.internal && !isLinkLocal(one.address)),
  );
  const of = (family: "IPv4" | "IPv6") => outward.filter((one) => one.family === family);
  const addresses = [...of("IPv4"), ...(address === "::" ? of("IPv6") : [])];
  return [...addresses.slice(0, 3).map((one) => one.address), hostname().toLowerCase()];
}

function isLinkLocal(address: string): boolean {
  return /^(?:169\.254\.|fe[89ab])/i.test(address);
}
