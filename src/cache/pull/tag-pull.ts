/**
 * Manifests by tag: what is known while it is fresh, otherwise what the upstream says, and what is
 * known once more when the upstream cannot say anything. 401, 403 and 404 are never masked.
 */

import { headerList } from "../../protocol/http/header-list.ts";
import type { Tag } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Access, RegistryClient } from "../../upstream/registry-client.ts";
import type { AccessChecks } from "../access/access-checks.ts";
import type { Visibility } from "../access/visibility.ts";
import type { Denial, Unkept } from "../asking/manifest-asks.ts";
import type { CacheAnswer, CacheOutcome, Content } from "../content.ts";
import type { ManifestAsk } from "../pull-ask.ts";
import { repositoryKey } from "../repository-ref.ts";
import { ageOf, maySubstitute } from "../tags/freshness.ts";
import type { TagRefresh } from "../tags/tag-refresh.ts";
import type { TagAnswer, TagQuestion, TagResolver } from "../tags/tag-resolver.ts";
import {
  type KnownTag,
  native,
  type RecalledTag,
  type TagEntry,
  variantOf,
} from "../tags/tag-state.ts";
import type { Tags } from "../tags/tags.ts";
import { type CompletenessParts, isComplete } from "./completeness.ts";
import { type Attempted, firstAllowed, isDenial, passDenial } from "./first-allowed.ts";
import { passThrough } from "./manifest-pull.ts";
import { LengthSource, MemorySource } from "./memory-source.ts";
import type { NegativeCache } from "./negative-cache.ts";

export type TagPullOptions = CompletenessParts & {
  readonly client: RegistryClient;
  readonly visibility: Visibility;
  readonly accessChecks: AccessChecks;
  readonly negative: NegativeCache;
  readonly tags: Tags;
  readonly resolver: TagResolver;
  readonly tagRefresh: TagRefresh;
  /** Milliseconds for which what is known mayWhileUnreachable in for an upstream that cannot say. */
  readonly staleIfError: number;
  readonly now: () => number;
};

/** An ask by tag. */
export type TagAsk = ManifestAsk & { readonly tag: Tag };

/** What can be served while the upstream cannot say; without bytes for a HEAD alone. */
type StandIn = { readonly entry: TagEntry; readonly bytes: Buffer | undefined };

/** An ask that the registry lets in, and in whose name. */
type Allowed = {
  readonly ask: TagAsk;
  readonly access: Access;
  readonly standIn: StandIn | undefined;
};

/** Why something stands in for an answer with status 200. */
const noManifest = "answers with what is no manifest";

export class TagPull {
  readonly #options: TagPullOptions;
  readonly #closing = new AbortController();

  constructor(options: TagPullOptions) {
    this.#options = options;
  }

  /** What is known of the tag for this client: loaded once for all that follows. */
  recall(ask: TagAsk): Promise<RecalledTag> {
    return this.#options.tags.recall(ask, ask.accept);
  }

  /** What is known, while it is fresh and this asker may have it. */
  async hit(ask: TagAsk, { known }: RecalledTag): Promise<Content | undefined> {
    const { tags, visibility, tagRefresh } = this.#options;
    if (known === undefined || ask.noCache || !tags.isFresh(ask, known.current)) return undefined;
    if (!(await visibility.may(ask))) return undefined;
    tagRefresh.asked(ask, ask.accept, known);
    return this.#content(ask, known, "hit");
  }

  /** What the upstream says, or else what is known. */
  async asked(ask: TagAsk, recalled: RecalledTag): Promise<CacheAnswer> {
    const { negative, visibility } = this.#options;
    const variant = `${ask.tag}\n${variantOf(ask.accept)}\n${visibility.accessKey(ask.access)}`;
    const missing = ask.noCache ? undefined : negative.recall(repositoryKey(ask), variant);
    if (missing !== undefined) return passDenial({ kind: "missing", answer: missing }, "negative");
    const standIn = await this.#standIn(ask, recalled);
    if (!ask.noCache && (await this.#isPaused(ask, recalled))) {
      const stale = await this.#stale(ask, standIn);
      if (stale !== undefined) return stale;
    }
    const { access, answer } = await this.#resolved(ask, recalled, standIn);
    if (answer.kind === "missing") negative.remember(repositoryKey(ask), variant, answer.answer);
    if (isDenial(answer)) return this.#denied(ask, answer, standIn);
    // What is no manifest (a login page has status 200 too) says nothing about who may have one.
    if (answer.kind === "unkept") return this.#unkept({ ask, access, standIn }, answer);
    await this.#allowed(ask, access);
    return this.#served({ ask, access, standIn }, answer);
  }

  close(): void {
    this.#closing.abort();
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
    return (await this.#bytes(ask, known.current)) === undefined ? known.variant : undefined;
  }

  /** The manifest that the tag means now. */
  async #served(
    { ask, access, standIn }: Allowed,
    answer: Extract<TagAnswer, { readonly kind: "tag" }>,
  ): Promise<CacheAnswer> {
    const { tagRefresh, resolver, client } = this.#options;
    const outcome = answer.hasBytes || isNews(ask, answer.known) ? "miss" : "revalidated";
    const content = await this.#content(ask, answer.known, outcome);
    if (content !== undefined) {
      tagRefresh.asked(ask, ask.accept, answer.known);
      return content;
    }
    const question = this.#question(ask, access, patienceWith(standIn));
    // All who were let in share one body, unless that one's login does not hold to the end.
    let fetched = await resolver.fetch(question, answer.known.variant, "let in");
    if (isAboutOne(fetched)) fetched = await resolver.fetch(question, answer.known.variant);
    if (isDenial(fetched)) return this.#denied(ask, fetched, standIn);
    if (fetched.kind === "unkept") return this.#unkept({ ask, access, standIn }, fetched);
    // Its body has confirmed it once more, and from then on it is counted.
    tagRefresh.asked(ask, ask.accept, fetched.known);
    const complete = await this.#content(ask, fetched.known, "miss");
    return complete ?? passThrough(client, ask, access);
  }

  /** A login page is passed on only to who can be given nothing better. */
  async #unkept({ ask, access, standIn }: Allowed, { isManifest }: Unkept): Promise<CacheAnswer> {
    const stale = isManifest ? undefined : await this.#stale(ask, standIn, noManifest);
    return stale ?? passThrough(this.#options.client, ask, access);
  }

  /** Whether the upstream failed a moment ago, asked the same in a name of this asker's. */
  async #isPaused(ask: TagAsk, { known }: RecalledTag): Promise<boolean> {
    const { tags, visibility } = this.#options;
    if (known === undefined) return false;
    const keys = (await visibility.accesses(ask)).map((access) => visibility.accessKey(access));
    return [native, known.variant].some((variant) =>
      keys.some((accessKey) => tags.isPaused(ask, { variant, accessKey })),
    );
  }

  async #denied(ask: TagAsk, denial: Denial, standIn: StandIn | undefined): Promise<CacheAnswer> {
    if (denial.kind !== "unavailable") return passDenial(denial);
    const stale = await this.#stale(ask, standIn);
    if (stale === undefined) return passDenial(denial);
    // A slow upstream is waited for behind the client's back, or the tag would never move again.
    if ("error" in denial && denial.error.code === "TIMEOUT") this.#goOn(ask);
    return stale;
  }

  #goOn(ask: TagAsk): void {
    this.#bringIn({ ...ask, signal: this.#closing.signal }).catch(() => undefined);
  }

  /** Both the tag's meaning and its bytes, however long that takes. */
  async #bringIn(ask: TagAsk): Promise<void> {
    const { resolver, visibility } = this.#options;
    const { access, answer } = await firstAllowed<TagAnswer>(visibility, ask, (own) =>
      resolver.resolve({ ...this.#question(ask, own, "full"), isBackground: true }),
    );
    if (answer.kind !== "tag" || (await this.#bytes(ask, answer.known.current)) !== undefined)
      return;
    await resolver.fetch(this.#question(ask, access, "full"), answer.known.variant);
  }

  /** What stands in while the upstream cannot say; 503 where a mirror could not give all of it. */
  async #stale(
    ask: TagAsk,
    standIn: StandIn | undefined,
    why = "cannot be asked",
  ): Promise<Content | undefined> {
    if (standIn === undefined) return undefined;
    const { entry, bytes } = standIn;
    if (ask.isMirror && !(await isComplete(this.#options, ask, entry.digest)))
      throw new RegistryError(
        "UNAVAILABLE",
        `${ask.registry.name} ${why}, and not all of ${ask.repository}:${ask.tag} is kept here`,
        { headers: headerList({ "retry-after": "10" }) },
      );
    const content = this.#contentOf(entry, "stale");
    const age = this.#age(entry);
    const warning = `${ask.registry.name} ${why}; this is what ${ask.tag} meant ${age} s ago`;
    const source = bytes === undefined ? content.source : new MemorySource(bytes);
    return { ...content, source, warning };
  }

  /** The last meaning of the tag that this asker may have: its bytes, or its length where HEAD asks no more. */
  async #standIn(ask: TagAsk, { standIns }: RecalledTag): Promise<StandIn | undefined> {
    const { visibility, staleIfError, now } = this.#options;
    if (standIns.length === 0 || !(await visibility.mayWhileUnreachable(ask))) return undefined;
    for (const entry of standIns) {
      if (!maySubstitute({ checkedAt: entry.checkedAt, now: now() }, staleIfError)) continue;
      const bytes = await this.#bytes(ask, entry);
      if (bytes !== undefined || (ask.isHead && entry.size !== undefined)) return { entry, bytes };
    }
    return undefined;
  }

  /** Undefined when the bytes are needed and not kept. */
  async #content(
    ask: TagAsk,
    { current, variant }: KnownTag,
    outcome: CacheOutcome,
  ): Promise<Content | undefined> {
    const content = this.#contentOf(current, outcome);
    if (ask.isHead && current.size !== undefined) return content;
    const bytes = await this.#bytes(ask, current);
    if (bytes === undefined) return undefined;
    await this.#options.tags.noteKept(ask, variant, current);
    return { ...content, source: new MemorySource(bytes) };
  }

  #contentOf(entry: TagEntry, outcome: CacheOutcome): Content {
    const { digest, mediaType, size } = entry;
    const source = new LengthSource(size ?? 0);
    const age = this.#age(entry);
    return { kind: "content", digest, mediaType, source, outcome, age, warning: undefined };
  }

  /** The kept bytes, if they are this repository's to give. */
  async #bytes(ask: TagAsk, { digest }: TagEntry): Promise<Buffer | undefined> {
    const { manifests, repositoryBlobs } = this.#options;
    const manifest = await manifests.get(digest, ask.registry.name);
    if (manifest === undefined) return undefined;
    return (await repositoryBlobs.confirmed(ask, digest)) ? manifest.bytes : undefined;
  }

  #age({ checkedAt }: TagEntry): number {
    return Math.floor(ageOf({ checkedAt, now: this.#options.now() }) / 1_000);
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

/** Who can be given what is known does not wait long for something newer. */
function patienceWith(standIn: StandIn | undefined): "full" | "brief" {
  return standIn === undefined ? "full" : "brief";
}

/** A HEAD whose answer says nothing of what is kept, for there is nothing or something else. */
function isNews({ isHead }: TagAsk, { current, kept }: KnownTag): boolean {
  return isHead && kept?.digest !== current.digest;
}

/** A login that is refused, or has used up what it may: the next one's may be good. */
function isAboutOne(answer: TagAnswer): boolean {
  if (answer.kind === "refused") return true;
  return answer.kind === "unavailable" && "answer" in answer && answer.answer.status === 429;
}
