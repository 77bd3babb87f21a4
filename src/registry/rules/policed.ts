/**
 * Handlers that obey the operator's POLICY: what it does not allow is answered 403, with the rule
 * and the setting in words, before anything is looked up or asked. CONNECT, pings and tokens are let
 * through, or else nobody would ever read these words.
 */
import { printReference, type Reference, type RepositoryName } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Exchange, Handler } from "../exchange.ts";
import type { Handlers } from "../router.ts";
import type { ImagePolicy, ImageVerdict } from "./image-policy.ts";
import { pushedTags } from "./pushed-tags.ts";
import { Reached } from "./reached.ts";

/** The same handlers, each behind the rules. */
export function policed(handlers: Handlers, rules: ImagePolicy): Handlers {
  const police = new Police(rules);
  const behind =
    (handler: Handler): Handler =>
    (exchange) =>
      police.handle(exchange, handler);
  return {
    ...handlers,
    pullBlob: behind(handlers.pullBlob),
    pullManifest: behind(handlers.pullManifest),
    pullList: behind(handlers.pullList),
    pushUpload: behind(handlers.pushUpload),
    pushManifest: behind(handlers.pushManifest),
  };
}

class Police {
  readonly #rules: ImagePolicy;
  readonly #reached = new Reached();

  constructor(rules: ImagePolicy) {
    this.#rules = rules;
  }

  async handle(exchange: Exchange, handler: Handler) {
    const { ask, route } = exchange;
    switch (route.kind) {
      case "other":
        this.#let(this.#rules.judgeRegistry(ask.registry.name), `${ask.registry.name} as a whole`);
        return handler(exchange);
      case "manifest":
        return this.#manifest(exchange, handler, route);
      case "blob":
        this.#letDigest(exchange, route.repository, { kind: "digest", digest: route.digest });
        return handler(exchange);
      case "tags":
      case "referrers":
      case "upload-start":
      case "upload":
        this.#letRepository(exchange, route.repository);
        return handler(exchange);
      case "ping":
      case "catalog":
      case "outside":
      case "invalid":
        return handler(exchange);
    }
  }

  async #manifest(
    exchange: Exchange,
    handler: Handler,
    { repository, reference }: { repository: RepositoryName; reference: Reference },
  ) {
    const { registry, target } = exchange.ask;
    const isPush = exchange.method !== "GET" && exchange.method !== "HEAD";
    const named = isPush ? [reference, ...pushedTags(target)] : [reference];
    for (const one of named) {
      if (one.kind === "digest" && isPush) this.#letRepository(exchange, repository);
      else if (one.kind === "digest") this.#letDigest(exchange, repository, one);
      else {
        const verdict = this.#rules.judge(registry.name, repository, one.tag);
        this.#let(verdict, imageOf(exchange, repository, one));
      }
    }
    const reply = await handler(exchange);
    const isByTag = this.#rules.judge(registry.name, repository).kind === "byTag";
    if (isByTag && !isPush) this.#reached.learn({ registry, repository }, reply);
    return reply;
  }

  #letRepository(exchange: Exchange, repository: RepositoryName): void {
    const { name } = exchange.ask.registry;
    const verdict = this.#rules.judge(name, repository);
    if (verdict.kind !== "byTag") this.#let(verdict, `${name}/${repository}`);
  }

  #letDigest(
    exchange: Exchange,
    repository: RepositoryName,
    reference: Extract<Reference, { readonly kind: "digest" }>,
  ): void {
    const { registry } = exchange.ask;
    const verdict = this.#rules.judge(registry.name, repository);
    const isReached = () => this.#reached.has({ registry, repository }, reference.digest);
    if (verdict.kind === "byTag" && isReached()) return;
    this.#let(verdict, imageOf(exchange, repository, reference));
  }

  /** Throws RegistryError DENIED. */
  #let(verdict: ImageVerdict, what: string): void {
    if (verdict.kind === "allowed") return;
    const rule = verdict.kind === "denied" ? verdict.rule : undefined;
    const detail = { setting: "POLICY", ...(rule === undefined ? {} : { rule }) };
    throw new RegistryError("DENIED", sentence(verdict, what), { detail });
  }
}

function imageOf({ ask }: Exchange, repository: RepositoryName, reference: Reference): string {
  const mark = reference.kind === "tag" ? ":" : "@";
  return `${ask.registry.name}/${repository}${mark}${printReference(reference)}`;
}

/** The reason first: what is too long for a status line is cut at its end. */
function sentence(verdict: ImageVerdict, what: string): string {
  if (verdict.kind === "denied") {
    return `POLICY on the proxy denies "${verdict.rule}", and so ${what}`;
  }
  return verdict.kind === "byTag"
    ? `POLICY on the proxy allows tags of this repository alone, and none has led to ${what}`
    : `POLICY on the proxy allows nothing that fits ${what}`;
}
