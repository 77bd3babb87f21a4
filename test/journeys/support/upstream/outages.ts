/** The ways in which the internet is gone. Each begins with one call, and ends with what that gives. */
import type { NameServer } from "./name-server.ts";
import type { Upstream } from "./upstream.ts";
import { openVoid } from "./void.ts";

export type Scene = { readonly upstream: Upstream; readonly nameServer: NameServer };

export type Outage = {
  readonly name: string;
  begin(scene: Scene): Promise<() => Promise<void>>;
};

export const blackHole: Outage = {
  name: "nothing comes back, neither on old connections nor on new ones",
  begin: swallow,
};

export const outages: readonly Outage[] = [
  { name: "every connection is refused", begin: refuse },
  blackHole,
  { name: "the names mean nothing any more", begin: loseNames },
];

export const slowOutages: readonly Outage[] = [
  { name: "connections are accepted, and nobody answers", begin: fallSilent },
  { name: "the name server does not answer", begin: loseNameServer },
];

async function refuse({ upstream }: Scene): Promise<() => Promise<void>> {
  upstream.goDown();
  return () => upstream.goUp();
}

async function swallow({ upstream }: Scene): Promise<() => Promise<void>> {
  silence(upstream);
  upstream.takeNoMore();
  const close = await openVoid(upstream.addresses);
  return async () => {
    await close();
    upstream.troubles.clear();
    await upstream.goUp();
  };
}

async function fallSilent({ upstream }: Scene): Promise<() => Promise<void>> {
  silence(upstream);
  return async () => {
    upstream.troubles.clear();
    await upstream.goUp();
  };
}

async function loseNames({ upstream }: Scene): Promise<() => Promise<void>> {
  upstream.loseNames();
  return () => upstream.goUp();
}

async function loseNameServer({ upstream, nameServer }: Scene): Promise<() => Promise<void>> {
  nameServer.isSilent = true;
  upstream.loseNames();
  return async () => {
    nameServer.isSilent = false;
    await upstream.goUp();
  };
}

function silence({ troubles, hosts }: Upstream): void {
  for (const host of hosts) troubles.set(host, "silence");
}
