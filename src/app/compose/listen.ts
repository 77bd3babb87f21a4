/** Where this process can be reached, as far as it is known so far; ports are known once it listens. */
import { hostname, networkInterfaces } from "node:os";
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
