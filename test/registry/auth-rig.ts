/**
 * Doors to registries whose upstreams are played on loopback: the real engine, access, tokens, ping
 * and registry client, with a cache that keeps nothing.
 */
import { OwnTokens } from "../../src/protocol/own-token.ts";
import type { Ask } from "../../src/registry/ask.ts";
import { accessOf } from "../../src/registry/login/access.ts";
import { Ping } from "../../src/registry/login/ping.ts";
import { TokenRequests } from "../../src/registry/login/token.ts";
import { PooledRegistryClient } from "../../src/upstream/client/pooled-registry-client.ts";
import type { Transport } from "../../src/upstream/net/transport.ts";
import {
  type AuthOptions,
  type Loopback,
  makeAuth,
  registry,
  secret,
} from "../upstream/auth/loopback.ts";
import { passedOf, type Rig, startRig } from "./rig.ts";

export function makeDoors(loopback: Loopback, options: AuthOptions = {}) {
  const auth = makeAuth(loopback, options);
  const { memory, finder, pairs, authorizer, now } = auth;
  const ownTokens = new OwnTokens(secret, now);
  const client = new PooledRegistryClient({
    // Only `send` is used of it.
    transport: loopback.transport as Transport,
    authorizer,
    observe: () => undefined,
    now,
  });
  const door = (host: string, ask: Partial<Ask> = {}): Promise<Rig> =>
    startRig({
      ask: { registry: registry(host), ...ask },
      send: (request) => client.send(request),
      manifest: async ({ registry: of, repository, reference, access, signal }) => {
        const tag = reference.kind === "tag" ? reference.tag : reference.digest;
        return passedOf(
          await client.send({
            registry: of,
            method: "GET",
            target: `/v2/${repository}/manifests/${tag}`,
            headers: new Map(),
            access,
            redirects: "manifest",
            patience: "full",
            signal,
          }),
        );
      },
      parts: {
        accessOf: (headers, of, context) =>
          accessOf(headers, of, { ...context, ownTokens, authorizer }),
        ping: new Ping({ ownTokens, authorizer, memory, finder, client, now }),
        tokens: new TokenRequests({ ownTokens, authorizer, memory, pairs, client, now }),
      },
    });
  return { ...auth, ownTokens, client, door };
}
