/**
 * Manifests by tag: what is known while it is fresh, otherwise what the upstream says, and what is
 * known once more when the upstream cannot say anything. 401, 403 and 404 are never masked.
 */

import type { Access, RegistryClient } from "../../upstream/registry-client.ts";
import type { AccessChecks } from "../access/access-checks.ts";
import type { Unkept } from "../asking/manifest-asks.ts";
import type { Denial, SmallAnswer } from "../asking/small-answer.ts";
import type { CacheAnswer, CacheOutcome, Content, Reuse } from "../content.ts";
import type { TagRefresh } from "../tags/tag-refresh.ts";
import type { TagAnswer, TagQuestion, TagResolver } from "../tags/tag-resolver.ts";
import { type KnownTag, native, type RecalledTag, variantOf } from "../tags/tag-state.ts";
import { Decision, type Foreseen, keptIf, type Said } from "../why.ts";
import { type Attempted, firstAllowed, isDenial, passDenial, saidBy } from "./first-allowed.ts";
import { passThrough } from "./manifest-pull.ts";
import type { NegativeCache } from "./negative-cache.ts";
import {
  patienceWith,
  type StandIn,
  type TagAsk,
  TagContents,
  type TagContentsOptions,
} from "./tag-contents.ts";

export type TagPullOptions = TagContentsOptions & {
  readonly client: RegistryClient;
  readonly accessChecks: AccessChecks;
  readonly negative: NegativeCache;
  readonly resolver: TagResolver;
  readonly tagRefresh: TagRefresh;
};

/** Why something stands in for an answer with status 200. */
const noManifest = "answers with what is no manifest";

/** An ask that the registry lets in, and in whose name. */
type Allowed = {
  readonly ask: TagAsk;
  readonly access: Access;
  readonly standIn: StandIn | undefined;
};

export class TagPull {
  readonly #options: TagPullOptions;
  readonly #contents: TagContents;
  readonly #closing = new AbortController();

  constructor(options: TagPullOptions) {
    this.#options = options;
    this.#contents = new TagContents(options);
  }

  /** What is known of the tag for this client: loaded once for all that follows. */
  recall(ask: TagAsk): Promise<RecalledTag> {
    return this.#options.tags.recall(ask, ask.accept);
  }

  /** What is known, while it is fresh and this asker may have it. */
  async hit(ask: TagAsk, { known }: RecalledTag): Promise<Content | undefined> {
    const belief = await this.#belief(ask, known);
    ask.decision.because(belief);
    if (known === undefined || belief.open === undefined) return undefined;
    this.#options.tagRefresh.asked(ask, ask.accept, known);
    const content = await this.#contents.of(ask, known, "hit");
    if (content === undefined) ask.decision.because({ reason: "not kept" });
    return content && { ...content, reuse: await this.#reuse(ask, known, content) };
  }

  /** On what a pull of it would be decided now; nobody is asked. */
  async foreseen(ask: TagAsk, recalled: RecalledTag): Promise<Foreseen> {
    const { known } = recalled;
    const belief = await this.#belief(ask, known);
    const isBelieved = known !== undefined && belief.open !== undefined;
    if (isBelieved && (await this.#contents.bytes(ask, known.current)) !== undefined) return belief;
    if (this.#missing(ask) !== undefined) return { reason: "missing lately" };
    const hasStandIn = (await this.#contents.standIn(ask, recalled)) !== undefined;
    if (hasStandIn && (await this.#isPaused(ask, recalled))) return { reason: "failed lately" };
    return isBelieved ? { reason: "not kept" } : belief;
  }

  /** What the upstream says, or else what is known. */
  async asked(ask: TagAsk, recalled: RecalledTag): Promise<CacheAnswer> {
    const { negative, tags } = this.#options;
    const generation = tags.generation(ask);
    const missing = this.#missing(ask);
    if (missing !== undefined) {
      ask.decision.because({ reason: "missing lately" });
      return passDenial({ kind: "missing", answer: missing }, "negative");
    }
    const standIn = await this.#contents.standIn(ask, recalled);
    if (await this.#isPaused(ask, recalled)) {
      const stale = await this.#contents.stale(ask, standIn);
      if (stale !== undefined) ask.decision.because({ reason: "failed lately" });
      if (stale !== undefined) return stale;
    }
    const { access, answer } = await this.#resolved(ask, recalled, standIn);
    if (answer.kind === "missing" && tags.generation(ask) === generation)
      negative.remember(ask, this.#missingKey(ask), answer.answer);
    if (isDenial(answer)) return this.#denied(ask, answer, standIn);
    // What is no manifest (a login page has status 200 too) says nothing about who may have one.
    if (answer.kind === "unkept") return this.#unkept({ ask, access, standIn }, answer);
    await this.#allowed(ask, access);
    ask.decision.heard(newsOf(recalled.known, answer.known), access);
    return this.#served({ ask, access, standIn }, answer);
  }

  close(): void {
    this.#closing.abort();
  }

  /** Whether what is known may be believed and is open to who asks, or why not. */
  async #belief(ask: TagAsk, known: KnownTag | undefined): Promise<Foreseen> {
    if (ask.noCache) return { reason: "no-cache" };
    if (known === undefined) return { reason: "unknown" };
    const reason = this.#options.tags.freshness(ask, known.current);
    if (reason !== "fresh" && reason !== "immutable") return { reason };
    const kept = keptIf(await this.#options.visibility.opennessTo(ask));
    return kept.reason === "kept" ? { ...kept, reason } : kept;
  }

  async #reuse(ask: TagAsk, known: KnownTag, { source }: Content): Promise<Reuse> {
    const { tags, visibility, tagRefresh, manifests } = this.#options;
    const { registry, repository, tag, accept } = ask;
    const { digest, checkedAt } = known.current;
    const isOpenUntil = await visibility.openUntil(ask);
    return {
      until: Math.min(isOpenUntil, tags.freshUntil(ask, known.current)),
      confirmedAt: checkedAt,
      // Nothing else of the ask: it has the client's login in it.
      again: () => {
        tagRefresh.asked({ registry, repository, tag }, accept, known);
        if (source.bytes !== undefined) manifests.used(digest);
      },
    };
  }

  /** The registry's word of a moment ago that there is no such tag. */
  #missing(ask: TagAsk): SmallAnswer | undefined {
    if (ask.noCache) return undefined;
    return this.#options.negative.recall(ask, this.#missingKey(ask));
  }

  #missingKey({ tag, accept, access }: TagAsk): string {
    return `${tag}\n${variantOf(accept)}\n${this.#options.visibility.accessKey(access)}`;
  }

  async #resolved(
    ask: TagAsk,
    recalled: RecalledTag,
    standIn: StandIn | undefined,
  ): Promise<Attempted<TagAnswer>> {
    const { resolver, visibility } = this.#options;
    const wanted = await this.#wanted(ask, recalled);
    return firstAllowed<TagAnswer>(visibility, ask, (access) => {
      const question = this.#question(ask, access, patienceWith(standIn));
      if (wanted !== undefined) return resolver.fetch(question, wanted);
      return resolver.resolve(question);
    });
  }

  /** The variant of which nothing is missing but the bytes: a HEAD went before this GET. */
  async #wanted(ask: TagAsk, { known }: RecalledTag): Promise<string | undefined> {
    if (ask.isHead || ask.noCache) return undefined;
    if (known === undefined || !this.#options.tags.isFresh(ask, known.current)) return undefined;
    return (await this.#contents.bytes(ask, known.current)) === undefined
      ? known.variant
      : undefined;
  }

  /** The manifest that the tag means now. */
  async #served(
    { ask, access, standIn }: Allowed,
    answer: Extract<TagAnswer, { readonly kind: "tag" }>,
  ): Promise<CacheAnswer> {
    const { tagRefresh, resolver, client } = this.#options;
    const isFetched = answer.hasBytes || isNews(ask, answer.known);
    const outcome = isFetched ? fetchedBy(answer) : "revalidated";
    const content = await this.#contents.of(ask, answer.known, outcome);
    if (content !== undefined) {
      tagRefresh.asked(ask, ask.accept, answer.known);
      return content;
    }
    const question = this.#question(ask, access, patienceWith(standIn));
    // All who were let in share one body, unless that one's login does not hold to the end.
    let fetched = await resolver.fetch(question, answer.known.variant, "let in");
    if (isAboutOne(fetched)) fetched = await resolver.fetch(question, answer.known.variant);
    if (fetched.kind !== "tag") ask.decision.heard(saidBy(fetched), access);
    if (isDenial(fetched)) return this.#denied(ask, fetched, standIn);
    if (fetched.kind === "unkept") return this.#unkept({ ask, access, standIn }, fetched);
    // Its body has confirmed it once more, and from then on it is counted.
    tagRefresh.asked(ask, ask.accept, fetched.known);
    const complete = await this.#contents.of(ask, fetched.known, fetchedBy(fetched));
    return complete ?? passThrough(client, ask, access);
  }

  /** A login page is passed on only to who can be given nothing better. */
  async #unkept({ ask, access, standIn }: Allowed, { isManifest }: Unkept): Promise<CacheAnswer> {
    const stale = isManifest ? undefined : await this.#contents.stale(ask, standIn, noManifest);
    return stale ?? passThrough(this.#options.client, ask, access);
  }

  /** Whether the upstream failed a moment ago, asked the same in a name of this asker's. */
  async #isPaused(ask: TagAsk, { known }: RecalledTag): Promise<boolean> {
    const { tags, visibility } = this.#options;
    if (known === undefined || ask.noCache) return false;
    const keys = (await visibility.accesses(ask)).map((access) => visibility.accessKey(access));
    return [native, known.variant].some((variant) =>
      keys.some((accessKey) => tags.isPaused(ask, { variant, accessKey })),
    );
  }

  async #denied(ask: TagAsk, denial: Denial, standIn: StandIn | undefined): Promise<CacheAnswer> {
    if (denial.kind !== "unavailable") return passDenial(denial);
    const stale = await this.#contents.stale(ask, standIn);
    if (stale === undefined) return passDenial(denial);
    // A slow upstream is waited for behind the client's back, or the tag would never move again.
    if ("error" in denial && denial.error.code === "TIMEOUT") this.#goOn(ask);
    return stale;
  }

  #goOn(ask: TagAsk): void {
    const decision = new Decision();
    this.#bringIn({ ...ask, decision, signal: this.#closing.signal }).catch(() => undefined);
  }

  /** Both the tag's meaning and its bytes, however long that takes. */
  async #bringIn(ask: TagAsk): Promise<void> {
    const { resolver, visibility } = this.#options;
    const { access, answer } = await firstAllowed<TagAnswer>(visibility, ask, (own) =>
      resolver.resolve({ ...this.#question(ask, own, "full"), isBackground: true }),
    );
    if (
      answer.kind !== "tag" ||
      (await this.#contents.bytes(ask, answer.known.current)) !== undefined
    )
      return;
    await resolver.fetch(this.#question(ask, access, "full"), answer.known.variant);
  }

  async #allowed(ask: TagAsk, access: Access): Promise<void> {
    await this.#options.visibility.grant(ask, access, ask.reference);
    this.#options.accessChecks.sighted(ask, access, ask.reference);
  }

  #question(ask: TagAsk, access: Access, patience: "full" | "brief"): TagQuestion {
    const { registry, repository, tag, accept, noCache, signal } = ask;
    const accessKey = this.#options.visibility.accessKey(access);
    const ref = { registry, repository, tag };
    return { ...ref, accept, access, accessKey, patience, isForced: noCache, signal };
  }
}

/** A HEAD whose answer says nothing of what is kept, for there is nothing or something else. */
function isNews({ isHead }: TagAsk, { current, kept }: KnownTag): boolean {
  return isHead && kept?.digest !== current.digest;
}

/** What the registry has said of a tag with what it means now. */
function newsOf(before: KnownTag | undefined, now: KnownTag): Said {
  if (before === undefined) return "given";
  return before.current.digest === now.current.digest ? "same" : "moved";
}

/** Of all who waited for one body, one has caused it. */
function fetchedBy({ isJoined }: Extract<TagAnswer, { readonly kind: "tag" }>): CacheOutcome {
  return isJoined ? "collapsed" : "miss";
}

/** A login that is refused, or has used up what it may: the next one's may be good. */
function isAboutOne(answer: TagAnswer): boolean {
  if (answer.kind === "refused") return true;
  return answer.kind === "unavailable" && "answer" in answer && answer.answer.status === 429;
}
