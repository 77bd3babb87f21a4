/** The three container engines, through the intercepting proxy and through the mirror. */
import type { Entrepot } from "../entrepot.ts";
import { hasProgram, type Journey } from "../journey.ts";
import type { Client, StartClient } from "./client.ts";
import { startContainerd } from "./containerd.ts";
import { startPodman } from "./containers-tools.ts";
import { startDocker } from "./docker.ts";
import { mirroredClients } from "./mirrored.ts";

export type Engine = {
  /** `dockerd, by the proxy` */
  readonly name: string;
  readonly door: "proxy" | "mirror";
  readonly start: (journey: Journey, entrepot: Entrepot) => Promise<Client>;
};

const proxied: readonly (readonly [string, StartClient])[] = [
  ["dockerd", (surroundings) => startDocker(surroundings)],
  ["containerd", (surroundings) => startContainerd(surroundings)],
  ["podman", startPodman],
];

const byProxy = proxied.map(([program, start]) => ({
  program,
  door: "proxy" as const,
  name: `${program}, by the proxy`,
  start: (journey: Journey, { trust, proxy }: Entrepot) => journey.client(start, trust, proxy),
}));

const byMirror = mirroredClients
  .filter(({ program }) => proxied.some(([name]) => name === program))
  .map(({ program, start }) => ({
    program,
    door: "mirror" as const,
    name: `${program}, by the mirror`,
    start: (journey: Journey, { proxy }: Entrepot) =>
      journey.client(start(proxy), journey.upstreamCa),
  }));

/** Those that this machine has. */
export const engines: readonly Engine[] = [...byProxy, ...byMirror].filter(({ program }) =>
  hasProgram(program),
);
