/** The engine that every door ends in. */
import { OwnTokens } from "../../protocol/own-token.ts";
import { accessOf } from "../../registry/access.ts";
import { RegistryEngine } from "../../registry/engine.ts";
import type { Pulls } from "../../registry/engine-parts.ts";
import { Ping } from "../../registry/pull/ping.ts";
import { TokenRequests } from "../../registry/token.ts";
import type { Log } from "../log.ts";
import type { Settings } from "../settings/settings.ts";
import type { Upstream } from "./upstream.ts";

export type RegistryParts = {
  readonly settings: Settings;
  readonly upstream: Upstream;
  readonly pulls: Pulls;
  readonly tokenSecret: Uint8Array;
  readonly now: () => number;
  readonly log: Pick<Log, "registry">;
};

export function composeRegistry(parts: RegistryParts): RegistryEngine {
  const { settings, upstream, pulls, now, log } = parts;
  const { client, authorizer, memory, finder, pairs } = upstream;
  const ownTokens = new OwnTokens(parts.tokenSecret, now);
  return new RegistryEngine({
    client,
    pulls,
    accessOf: (headers, ask, { method, signal }) =>
      accessOf(headers, ask, { method, signal, ownTokens, authorizer }),
    ping: new Ping({ ownTokens, authorizer, memory, finder, client, now }),
    tokens: new TokenRequests({ ownTokens, authorizer, memory, pairs, client, now }),
    isPushAllowed: settings.registries.allowPush,
    observe: log.registry,
  });
}
