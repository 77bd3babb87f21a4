/**
 * Handlers that obey the operator's POLICY: what it does not allow is answered 403, with the rule
 * and the setting in words, before anything is looked up or asked. CONNECT, pings and tokens are let
 * through, or else nobody would ever read these words.
 */

import { splitTarget } from "../../protocol/http/target.ts";
import type { Reference, RepositoryName } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import { type Route, repositoryOf } from "../../protocol/route.ts";
import {
  isCatalogPath,
  type Reading,
  readingsOf,
  uploaderOf,
} from "../../protocol/route-readings.ts";
import type { Exchange, Handler } from "../exchange.ts";
import type { Handlers } from "../router.ts";
import { allowedCatalog } from "./allowed-catalog.ts";
import { imageText, refuseUnlessAllowed } from "./denial.ts";
import type { ImagePolicy } from "./image-policy.ts";
import { Reached } from "./reached.ts";
import { mountSources, pushedTags } from "./written-query.ts";

/** The same handlers, each behind the rules. */
export function policed(handlers: Handlers, policy: ImagePolicy): Handlers {
  const police = new Police(policy);
  const behind =
    (handler: Handler): Handler =>
    (exchange) =>
      police.handle(exchange, handler);
  return {
    ping: handlers.ping,
    pullBlob: behind(handlers.pullBlob),
    pullManifest: behind(handlers.pullManifest),
    pullList: behind(handlers.pullList),
    pushUpload: behind(handlers.pushUpload),
    pushManifest: behind(handlers.pushManifest),
    pass: behind(handlers.pass),
  };
}

class Police {
  readonly #policy: ImagePolicy;
  readonly #reached = new Reached();

  constructor(policy: ImagePolicy) {
    this.#policy = policy;
  }

  async handle(exchange: Exchange, handler: Handler) {
    const { registry } = exchange.ask;
    const { route } = exchange;
    this.#judgeNoted(exchange, route);
    const reply = await handler(exchange);
    if (route.kind === "catalog") return allowedCatalog(exchange, reply, this.#policy);
    if (isWriting(exchange)) return reply;
    const access = { from: exchange.ask.client };
    for (const repository of manifestRepositories(route)) {
      const isByTag = this.#policy.judge(registry.name, repository).kind === "byTag";
      if (!isByTag) continue;
      this.#reached.learn({ registry, repository, access }, reply);
      // What leads on from here is remembered for as long as it is asked for.
      if (reply.kind === "content") return { ...reply, reuse: undefined };
    }
    return reply;
  }

  /** Throws RegistryError DENIED, whose reason is noted. */
  #judgeNoted(exchange: Exchange, route: Route): void {
    try {
      this.#judge(exchange, route);
    } catch (error) {
      exchange.tally.decision.because({ reason: "policy" });
      throw error;
    }
  }

  /** Throws RegistryError DENIED. */
  #judge(exchange: Exchange, route: Route): void {
    const { registry, target } = exchange.ask;
    const repository = repositoryOf(route);
    const uploader = repository === undefined ? undefined : uploaderOf(repository);
    if (uploader !== undefined) this.#letRepository(exchange, uploader);
    this.#letMounts(exchange, route);
    switch (route.kind) {
      case "other": {
        if (repository === undefined) this.#letWhole(exchange);
        else {
          const verdict = this.#policy.judge(registry.name, repository);
          refuseUnlessAllowed(verdict, `${registry.name}/${repository}`);
        }
        break;
      }
      case "outside":
        if (isCatalogPath(route.path)) this.#letWhole(exchange);
        for (const reading of readingsOf(route.path)) this.#letReading(exchange, reading);
        break;
      case "manifest":
        this.#letManifest(exchange, route.repository, route.reference);
        break;
      case "blob":
        this.#letDigest(exchange, route.repository, route);
        break;
      case "upload-start":
      case "tags":
      case "referrers":
      case "signatures":
        this.#letRepository(exchange, route.repository);
        break;
      case "upload":
        this.#letRepository(exchange, route.repository);
        // A path that a registry sent an upload on to may name another repository.
        for (const reading of remembered(target)) this.#letReading(exchange, reading);
        break;
      case "ping":
      case "catalog":
      case "invalid":
    }
  }

  #letManifest(exchange: Exchange, repository: RepositoryName, reference: Reference): void {
    const { registry, target } = exchange.ask;
    const isPush = isWriting(exchange);
    for (const one of isPush ? [reference, ...pushedTags(target)] : [reference]) {
      if (one.kind === "digest" && isPush) this.#letRepository(exchange, repository);
      else if (one.kind === "digest") this.#letDigest(exchange, repository, one);
      else {
        const verdict = this.#policy.judge(registry.name, repository, one.tag);
        refuseUnlessAllowed(verdict, imageText(registry, repository, one));
      }
    }
  }

  #letMounts(exchange: Exchange, route: Route): void {
    if (!isWriting(exchange) || !mayMount(route)) return;
    for (const source of mountSources(exchange.ask.target)) this.#letRepository(exchange, source);
  }

  #letReading(exchange: Exchange, { repository, kind, reference }: Reading): void {
    if (repository === undefined) throw unreadable();
    if (kind === "other") this.#letRepository(exchange, repository);
    else if (reference !== undefined) this.#letManifest(exchange, repository, reference);
    else if (kind === "manifest") throw unreadable();
    else {
      const { name } = exchange.ask.registry;
      refuseUnlessAllowed(this.#policy.judge(name, repository), `${name}/${repository}`);
    }
  }

  /** What paths of the registry's own lead to, nobody can tell. */
  #letWhole({ ask: { registry } }: Exchange): void {
    const verdict = this.#policy.judgeRegistry(registry.name);
    refuseUnlessAllowed(verdict, `${registry.name} as a whole`);
  }

  #letRepository({ ask }: Exchange, repository: RepositoryName): void {
    const { name } = ask.registry;
    const verdict = this.#policy.judge(name, repository);
    if (verdict.kind !== "byTag") refuseUnlessAllowed(verdict, `${name}/${repository}`);
  }

  #letDigest(
    { ask: { registry } }: Exchange,
    repository: RepositoryName,
    { digest }: Pick<Extract<Reference, { readonly kind: "digest" }>, "digest">,
  ): void {
    const verdict = this.#policy.judge(registry.name, repository);
    const isReached = () => this.#reached.has({ registry, repository }, digest);
    if (verdict.kind === "byTag" && isReached()) return;
    refuseUnlessAllowed(verdict, imageText(registry, repository, { kind: "digest", digest }));
  }
}

/** The repositories of which this may be a manifest. */
function manifestRepositories(route: Route): readonly RepositoryName[] {
  if (route.kind === "manifest") return [route.repository];
  if (route.kind !== "outside") return [];
  return readingsOf(route.path).flatMap(({ kind, repository }) =>
    kind === "manifest" && repository !== undefined ? [repository] : [],
  );
}

function mayMount(route: Route): boolean {
  if (route.kind === "outside") return readingsOf(route.path).length > 0;
  return route.kind === "upload-start" || route.kind === "upload";
}

/** Of a path that is known for an upload's only because a registry said so. */
function remembered(target: string): readonly Reading[] {
  const { path } = splitTarget(target);
  return /^\/v2\/.+\/blobs\/uploads?\//.test(path) ? [] : readingsOf(path);
}

function isWriting({ method }: Exchange): boolean {
  return method !== "GET" && method !== "HEAD";
}

/** Nobody can say what it is, so nobody can say that it is allowed. */
function unreadable(): RegistryError {
  return new RegistryError(
    "NAME_INVALID",
    "POLICY on the proxy is by repository, and this path names none that can be read",
    { status: 404 },
  );
}
