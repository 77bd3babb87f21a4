/**
 * The one call in which every door ends: takes a request that is meant for a registry, answers it
 * and tells about it. Never rejects.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { CacheAnswer } from "../cache/content.ts";
import type { BlobAsk, ManifestAsk } from "../cache/pull-ask.ts";
import type { HeaderList } from "../protocol/http/header-list.ts";
import type { Reference, RepositoryName } from "../protocol/reference.ts";
import type { Registry } from "../protocol/registry-name.ts";
import type { RegistryClient } from "../upstream/registry-client.ts";
import type { Ask } from "./ask.ts";
import type { AccessDecision, Exchange, Handler } from "./exchange.ts";
import type { ObserveRegistry } from "./registry-event.ts";

/** What the engine asks of the cache (cache/pull-through.ts). */
export interface Pulls {
  blob(ask: BlobAsk): Promise<CacheAnswer>;
  manifest(ask: ManifestAsk): Promise<CacheAnswer>;
  /** A push went through: what is known of that tag or digest is out of date. */
  pushed(registry: Registry, repository: RepositoryName, reference: Reference): unknown;
}

export type EngineParts = {
  readonly client: RegistryClient;
  readonly pulls: Pulls;
  /** Turns a request's Authorization into an access (access.ts). */
  readonly accessOf: (headers: HeaderList, ask: Ask) => AccessDecision | Promise<AccessDecision>;
  /** Answers `GET /v2/` (pull/ping.ts). */
  readonly ping: Handler;
  /** Token requests (token.ts); everything it does not recognise goes on its way. */
  readonly tokens: {
    readonly isTokenRequest: (exchange: Exchange) => boolean;
    readonly answer: Handler;
  };
  /** The setting ALLOW_PUSH. */
  readonly isPushAllowed: boolean;
  readonly observe: ObserveRegistry;
};

export class RegistryEngine {
  readonly #parts: EngineParts;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  async handle(request: IncomingMessage, response: ServerResponse, ask: Ask): Promise<void> {
    void this.#parts;
    void request;
    void ask;
    response.destroy();
  }
}
