/**
 * Doors to registries whose upstreams are played on loopback: the real engine, access, tokens, ping
 * and registry client, with a cache that keeps nothing.
 */
import { OwnTokens } from "../../src/protocol/own-token.ts";
import { SealedLogins } from "../../src/protocol/sealed-login.ts";
import type { Ask } from "../../src/registry/ask.ts";
import { accessBy } from "../../src/registry/login/access.ts";
import { BasicTokens } from "../../src/registry/login/basic-tokens.ts";
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
  const { memory, finder, pairs, authorizer, credentials, now } = auth;
  const ownTokens = new OwnTokens(secret, now);
  const sealedLogins = new SealedLogins(secret);
  const accessOf = accessBy({ ownTokens, sealedLogins, authorizer, logins: credentials });
  const client = new PooledRegistryClient({
    // Only `send` is used of it.
    transport: loopback.transport as Transport,
    authorizer,
    isNamed: () => false,
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
        accessOf,
        ping: new Ping({ accessOf, authorizer, memory, finder, client }),
        basicTokens: new BasicTokens({
          ...{ ownTokens, sealedLogins, client, now },
          logins: credentials,
        }),
        tokens: new TokenRequests({ ownTokens, authorizer, memory, pairs, client, now }),
      },
    });
  return { ...auth, ownTokens, sealedLogins, accessOf, client, door };
}
