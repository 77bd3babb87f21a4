/**
 * A realm of ours at a Basic registry with an entry, on the registry's own host and port: engines learn
 * from the ping alone how to log in, and tokens let those without a login in with the operator's.
 */
import type { Challenge } from "../../protocol/http/challenge.ts";
import { formatHostPort } from "../../protocol/http/host-port.ts";
import { type Registry, registryAddress } from "../../protocol/registry-name.ts";
import type { Ask } from "../ask.ts";

const path = "/entrepot/token";

/** As tokens of ours name it. */
export function ownRealm({ name }: Registry): string {
  return `https://${formatHostPort(registryAddress(name), 443)}${path}`;
}

export function isOwnRealm({ target }: Ask): boolean {
  return target === path || target.startsWith(`${path}?`);
}

/** What the ping is answered with. */
export function ownChallenge(registry: Registry): Challenge {
  const parameters = new Map([
    ["realm", ownRealm(registry)],
    ["service", registry.name],
  ]);
  return { scheme: "bearer", parameters };
}
