/** The names under which images are pushed to this very host, and what such a request asks. */
import type { HostPort } from "../../protocol/http/host-port.ts";
import { registryNameOf } from "../../protocol/registry-name.ts";
import type { Ask } from "../../registry/ask.ts";

/** `port` undefined: whatever port is asked; `usual`: none written, which is 443 or 80. */
export type HostedHost = { readonly host: string; readonly port: number | "usual" | undefined };

const usualPorts: readonly number[] = [80, 443];

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

function fits(wanted: HostedHost["port"], asked: number): boolean {
  if (wanted === undefined) return true;
  return wanted === "usual" ? usualPorts.includes(asked) : wanted === asked;
}
