/**
 * Handlers that obey the operator's POLICY: what it does not allow is answered 403, with the rule
 * and the setting in words, before anything is looked up or asked. CONNECT, pings and tokens are let
 * through, or else nobody would ever read these words.
 */
import type { Reference, RepositoryName } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Route } from "../../protocol/route.ts";
import {
  type Reading,
  readingsOf,
  repositoryOf,
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
    this.#judge(exchange, route);
    const reply = await handler(exchange);
    if (route.kind === "catalog") return allowedCatalog(exchange, reply, this.#policy);
    if (route.kind !== "manifest" || isWriting(exchange)) return reply;
    const { repository } = route;
    const isByTag = this.#policy.judge(registry.name, repository).kind === "byTag";
    if (isByTag) this.#reached.learn({ registry, repository }, reply);
    return reply;
  }

  /** Throws RegistryError DENIED. */
  #judge(exchange: Exchange, route: Route): void {
    const { registry, target } = exchange.ask;
    const repository = repositoryOf(route);
    const uploader = repository === undefined ? undefined : uploaderOf(repository);
    if (uploader !== undefined) this.#letRepository(exchange, uploader);
    switch (route.kind) {
      case "other": {
        // What paths of the registry's own lead to, nobody can tell.
        const whole = `${registry.name} as a whole`;
        if (repository === undefined) {
          refuseUnlessAllowed(this.#policy.judgeRegistry(registry.name), whole);
        } else {
          const verdict = this.#policy.judge(registry.name, repository);
          refuseUnlessAllowed(verdict, `${registry.name}/${repository}`);
        }
        break;
      }
      case "outside":
        for (const reading of readingsOf(route.path)) this.#letReading(exchange, reading);
        break;
      case "manifest":
        this.#letManifest(exchange, route.repository, route.reference);
        break;
      case "blob":
        this.#letDigest(exchange, route.repository, route);
        break;
      case "upload-start":
        for (const source of mountSources(target)) this.#letRepository(exchange, source);
        this.#letRepository(exchange, route.repository);
        break;
      case "tags":
      case "referrers":
      case "signatures":
      case "upload":
        this.#letRepository(exchange, route.repository);
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

  #letReading(exchange: Exchange, { repository, reference }: Reading): void {
    if (repository === undefined) throw unreadable();
    if (reference === undefined) this.#letRepository(exchange, repository);
    else this.#letManifest(exchange, repository, reference);
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
