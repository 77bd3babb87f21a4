/** The engine that every door ends in. */
import { OwnTokens } from "../../protocol/own-token.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import { SealedLogins } from "../../protocol/sealed-login.ts";
import type { SmallAnswers } from "../../registry/answer/small-answers.ts";
import { RegistryEngine } from "../../registry/engine.ts";
import type { FindHandler } from "../../registry/exchange.ts";
import { accessBy } from "../../registry/login/access.ts";
import { BasicTokens } from "../../registry/login/basic-tokens.ts";
import { Ping } from "../../registry/login/ping.ts";
import { TokenRequests } from "../../registry/login/token.ts";
import { upstreamHandlers } from "../../registry/upstream-handlers.ts";
import type { CachePulls } from "../../registry/upstream-parts.ts";
import type { Tracing } from "../../runtime/tracing.ts";
import type { Log } from "../log.ts";
import type { Settings } from "../settings/settings.ts";
import { imagePolicy } from "./image-policy.ts";
import type { Upstream } from "./upstream.ts";

export type RegistryParts = {
  readonly settings: Settings;
  readonly upstream: Upstream;
  readonly pulls: CachePulls;
  readonly hasImported?: (registry: Registry) => Promise<boolean>;
  /** For the registry that is here, where there is one. */
  readonly hosted?: FindHandler | undefined;
  readonly tokenSecret: Uint8Array;
  readonly reuse?: SmallAnswers | undefined;
  readonly now: () => number;
  readonly log: Pick<Log, "registry">;
  readonly tracing?: Tracing | undefined;
};

export function composeRegistry(parts: RegistryParts): RegistryEngine {
  const { settings, upstream, pulls, now, log } = parts;
  const { client, authorizer, logins, memory, finder, pairs } = upstream;
  const ownTokens = new OwnTokens(parts.tokenSecret, now);
  const sealedLogins = new SealedLogins(parts.tokenSecret);
  const accessOf = accessBy({ ownTokens, sealedLogins, authorizer, logins });
  const { hasImported } = parts;
  const elsewhere = upstreamHandlers({
    ...{ client, pulls, accessOf },
    ping: new Ping({ accessOf, authorizer, memory, finder, client, hasImported }),
    tokens: new TokenRequests({ ownTokens, authorizer, memory, pairs, client, now }),
    basicTokens: new BasicTokens({ ownTokens, sealedLogins, logins, client, now }),
    hasSignatures: (registry) => memory.recall(registry)?.hasSignatures === true,
    rules: imagePolicy(settings.registries.policy),
    isPushAllowed: settings.registries.allowPush,
  });
  return new RegistryEngine({
    ...{ upstream: elsewhere, hosted: parts.hosted, observe: log.registry, reuse: parts.reuse },
    tracing: parts.tracing,
    unusedLogin: (registry) => upstream.unusedLogins.at(registry),
  });
}
