/** What is needed to answer for registries that are elsewhere, as compose hands it over. */
import type { CacheAnswer, Passed } from "../cache/content.ts";
import type { AskForList, ListAsk } from "../cache/pull/list-pull.ts";
import type { WriteFate } from "../cache/pull/writes.ts";
import type { BlobAsk, ManifestAsk } from "../cache/pull-ask.ts";
import type { Reference, RepositoryName } from "../protocol/reference.ts";
import type { Registry } from "../protocol/registry-name.ts";
import type { RegistryClient } from "../upstream/registry-client.ts";
import type { AccessOf } from "./login/access.ts";
import type { BasicTokens } from "./login/basic-tokens.ts";
import type { Ping } from "./login/ping.ts";
import type { TokenRequests } from "./login/token.ts";
import type { ImagePolicy } from "./rules/image-policy.ts";

/** What is asked of the cache; cache/pull-through.ts fits. */
export interface CachePulls {
  blob(ask: BlobAsk): Promise<CacheAnswer>;
  manifest(ask: ManifestAsk): Promise<CacheAnswer>;
  list(ask: ListAsk, send: AskForList): Promise<Passed>;
  /** A write is about to be sent: what it names is forgotten. Returns how to say what became of it. */
  writing(
    registry: Registry,
    repository: RepositoryName,
    references: readonly Reference[],
  ): Promise<(fate: WriteFate) => Promise<void>>;
}

export type UpstreamHandlerParts = {
  readonly client: RegistryClient;
  readonly pulls: CachePulls;
  readonly accessOf: AccessOf;
  readonly ping: Pick<Ping, "answer">;
  readonly tokens: Pick<TokenRequests, "isTokenRequest" | "answer">;
  /** Of Basic registries with an entry. */
  readonly basicTokens?: Pick<BasicTokens, "isTokenRequest" | "answer">;
  /** The setting POLICY; undefined when it allows everything. */
  readonly rules?: ImagePolicy | undefined;
  /** Whether the registry's ping offers Docker's signature extension. */
  readonly hasSignatures?: (registry: Registry) => boolean;
  /** The setting ALLOW_PUSH. */
  readonly isPushAllowed: boolean;
  /** How long a client that is sending a body may pause, in milliseconds. */
  readonly bodyIdle?: number;
  /** Milliseconds that do not jump with the wall clock. */
  readonly now?: () => number;
};
