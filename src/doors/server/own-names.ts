/**
 * The names, addresses and ports under which this very process is reached: what is asked of them is
 * answered here and never dialled.
 */
import type { HostPort } from "../../protocol/http/host-port.ts";
import {
  canonicalRegistry,
  parseRegistryName,
  type RegistryName,
  registryAddress,
  registryNameOf,
} from "../../protocol/registry-name.ts";
import type { Ask } from "../../registry/ask.ts";
import { isLoopback } from "./admission.ts";

export type OwnNamesOptions = {
  /** Host name, hostname.local, HOSTED_HOSTS, MIRROR_HOSTS: lower case, without port. */
  readonly hosts: readonly string[];
  /** The addresses of this machine's interfaces right now. */
  readonly addresses: () => readonly string[];
  /** PORT and TLS_PORT. */
  readonly ports: ReadonlySet<number>;
  readonly backOfficePort?: number | undefined;
  /** Its entries with a port need not have one of ours. */
  readonly hosted?: HostedHosts | undefined;
};

/** What clients put after a name when they put nothing. */
const usualPorts: readonly number[] = [80, 443];

export class OwnNames {
  readonly #hosts: ReadonlySet<string>;
  readonly #options: OwnNamesOptions;

  constructor(options: OwnNamesOptions) {
    this.#options = options;
    this.#hosts = new Set(options.hosts.map((host) => host.toLowerCase()));
  }

  /** One of our names or addresses on a public port. */
  isOwn(address: HostPort): boolean {
    if (this.#options.hosted?.isNamed(address) === true) return true;
    if (this.#options.ports.has(address.port)) return this.#isOurs(address.host);
    // On loopback 80 and 443 may well be other programs' listeners, and those are not to be reached.
    return usualPorts.includes(address.port) && this.#isPublicName(address.host);
  }

  isBackOffice(address: HostPort): boolean {
    return address.port === this.#options.backOfficePort && this.#isOurs(address.host);
  }

  #isOurs(host: string): boolean {
    return host === "localhost" || isLoopback(host) || this.#isPublicName(host);
  }

  #isPublicName(host: string): boolean {
    if (this.#hosts.has(host)) return true;
    return !isLoopback(host) && this.#options.addresses().includes(host);
  }
}

/** `port` undefined: whatever port is asked; `usual`: none written, which is 443 or 80. */
export type HostedHost = { readonly host: string; readonly port: number | "usual" | undefined };

/** The names under which images are pushed to this very host. */
export class HostedHosts {
  readonly #hosts: readonly HostedHost[];

  constructor(hosts: readonly HostedHost[]) {
    this.#hosts = hosts;
  }

  /** Whether it is asked by one of these names; who says which registry is meant asks a mirror. */
  isAsked(asked: HostPort, query: string): boolean {
    if (/(?:^|&)ns=/.test(query)) return false;
    return this.#hosts.some(({ host, port }) => host === asked.host && fits(port, asked.port));
  }

  /** Whether every port of this host means the registry here. */
  hasAllOf(host: string): boolean {
    return this.#hosts.some((one) => one.host === host && one.port === undefined);
  }

  /** Whether it is the registry that is here, by one of these names. */
  isHosted(registry: RegistryName): boolean {
    return this.isAsked(registryAddress(registry), "");
  }

  /** What it is called, by whichever of its names it is asked: by the first. Others have their own. */
  called(registry: string): string {
    const [first] = this.#hosts;
    if (first === undefined) return registry;
    const known = parseRegistryName(registry);
    return known !== undefined && this.isHosted(known.name) ? withPort(first) : registry;
  }

  /** The registry of the first name; undefined where nothing is hosted. */
  get first(): RegistryName | undefined {
    const [first] = this.#hosts;
    return first && canonicalRegistry(withPort(first));
  }

  /** Named with this very port, wherever we listen. */
  isNamed({ host, port }: HostPort): boolean {
    return this.#hosts.some((one) => one.host === host && one.port === port);
  }
}

type HostedCall = Pick<Ask, "target" | "client"> & { readonly isTls: boolean };

export function hostedAsk(host: HostPort, { target, client, isTls }: HostedCall): Ask {
  const registry = { name: registryNameOf(host), scheme: isTls ? "https" : "http" } as const;
  const view = { repositoryPrefix: "", namespace: undefined };
  return { registry, door: "hosted", target, client, view, isOpen: false };
}

function withPort({ host, port }: HostedHost): string {
  return typeof port === "number" ? `${host}:${port}` : host;
}

function fits(wanted: HostedHost["port"], asked: number): boolean {
  if (wanted === undefined) return true;
  return wanted === "usual" ? usualPorts.includes(asked) : wanted === asked;
}
