/**
 * Asks upstreams what tags mean: with one fixed Accept for everybody, and with a client's own Accept
 * set only where it cannot read that. One question at a time, however many ask the same.
 */
import {
  type AcceptSet,
  acceptsType,
  bareMediaType,
  resolveAccept,
} from "../../protocol/media-type.ts";
import { Flights, unlessAborted } from "../../runtime/flights.ts";
import type { Tracing } from "../../runtime/tracing.ts";
import type { Access } from "../../upstream/registry-client.ts";
import { abortedBy } from "../../upstream/upstream-deadline.ts";
import type { RepositoryBlobs } from "../access/repository-blobs.ts";
import type { ManifestAnswer, Unkept } from "../asking/manifest-asks.ts";
import type { Denial } from "../asking/small-answer.ts";
import type { CacheEvent, Observe } from "../cache-event.ts";
import type { Manifests } from "../keeping/manifests.ts";
import { repositoryNames } from "../repository-ref.ts";
import type { TagAsks } from "./tag-asks.ts";
import {
  isKeptVariant,
  type KnownTag,
  native,
  saidAt,
  type TagVariant,
  variantOf,
} from "./tag-state.ts";
import { type TagRef, type Tags, tagKey } from "./tags.ts";

export type TagQuestion = TagRef & {
  readonly accept: AcceptSet;
  readonly access: Access;
  /** The name under which answers to this access are shared. */
  readonly accessKey: string;
  readonly patience: "full" | "brief";
  /** Ask even about what is fresh. */
  readonly isForced: boolean;
  readonly isBackground?: boolean;
  readonly signal: AbortSignal;
};

export type TagAnswer =
  | {
      readonly kind: "tag";
      readonly known: KnownTag;
      /** The bytes came with the answer, and are kept. */
      readonly hasBytes: boolean;
      /** Another's question had been sent, and this one joined it. */
      readonly isJoined: boolean;
    }
  | Unkept
  | Denial;

/** As it is for all who wait for it. */
type FirstAnswer = Omit<Extract<TagAnswer, { readonly kind: "tag" }>, "isJoined"> | Unkept | Denial;

export type TagResolverOptions = {
  readonly tags: Tags;
  readonly asks: TagAsks;
  readonly manifests: Manifests;
  readonly repositoryBlobs: RepositoryBlobs;
  readonly observe: Observe;
  readonly now: () => number;
  /** Whether what is not there for this access is there for nobody. */
  readonly speaksForAll: (ref: TagRef, access: Access) => Promise<boolean>;
  readonly tracing?: Tracing | undefined;
};

/** `digest` asks for no more than that; `bytes` fetches the manifest too. */
type Want = "digest" | "bytes";

/** Who shares one body: who asks in the same name, or all whom the registry has just let in. */
export type SharedBy = "name" | "let in";

export class TagResolver {
  readonly #options: TagResolverOptions;
  readonly #flights: Flights<FirstAnswer>;

  constructor(options: TagResolverOptions) {
    this.#options = options;
    this.#flights = new Flights({ tracing: options.tracing, name: "resolve tag" });
  }

  /** What the tag means for a client with this Accept set. */
  async resolve(question: TagQuestion): Promise<TagAnswer> {
    const { accept, isForced } = question;
    const { tags } = this.#options;
    const known = (await tags.variant(question, native))?.current;
    const isUseless = known !== undefined && !acceptsType(accept, bareMediaType(known.mediaType));
    if (isUseless && !isForced && tags.isFresh(question, known))
      return this.#join(question, variantOf(accept), "digest");
    const answer = await this.#join(question, native, "digest");
    if (!mayReadOther(answer, accept)) return answer;
    return this.#join(question, variantOf(accept), "digest");
  }

  /**
   * Fetches the bytes of a variant and keeps them; the tag then means these. Where it has moved to
   * something that this client cannot read, the registry is asked for what it can.
   */
  async fetch(
    question: TagQuestion,
    variant: string,
    sharedBy: SharedBy = "name",
  ): Promise<TagAnswer> {
    const answer = await this.#join(question, variant, "bytes", sharedBy);
    if (variant !== native || !mayReadOther(answer, question.accept)) return answer;
    return this.#join(question, variantOf(question.accept), "bytes", sharedBy);
  }

  close(): Promise<void> {
    return this.#flights.close();
  }

  async #join(
    question: TagQuestion,
    variant: string,
    want: Want,
    sharedBy: SharedBy = "name",
  ): Promise<TagAnswer> {
    const generation = this.#options.tags.generation(question);
    const { accessKey, patience } = question;
    const sharers = sharedBy === "name" ? `as ${accessKey}` : "let in";
    // Who has something to fall back on does not wait as long as who has nothing.
    const key = [tagKey(question), variant, sharers, patience, want, generation].join("\n");
    let isJoined = true;
    const work = this.#flights.joinUntil(question.signal, key, (signal) => {
      isJoined = false;
      return this.#ask({ ...question, signal }, variant, want);
    });
    const answer = await unlessAborted(work, question.signal, abortedBy(question.registry.name));
    return answer.kind === "tag" ? { ...answer, isJoined } : answer;
  }

  async #ask(question: TagQuestion, variant: string, want: Want): Promise<FirstAnswer> {
    const { tags, asks } = this.#options;
    const generation = tags.generation(question);
    const checkedAt = this.#options.now();
    const before = await tags.variant(question, variant);
    const answer = await asks[want]({
      ...question,
      reference: { kind: "tag", tag: question.tag },
      accept: variant === native ? resolveAccept : question.accept,
      known: before?.current.digest,
    });
    const known = await this.#meaning(question, answer, { before, checkedAt, generation });
    this.#tell(question, answer, { before, known });
    const isCurrent = tags.generation(question) === generation;
    const name = { variant, accessKey: question.accessKey };
    if (known !== undefined) {
      tags.resume(question, name);
      const isKept = variant === native || isKeptVariant(question.accept);
      if (isCurrent && isKept) await tags.learn(question, variant, known);
      return { kind: "tag", known: { ...known, variant }, hasBytes: answer.kind === "bytes" };
    }
    if (answer.kind === "unavailable") tags.pause(question, name);
    if (variant === native && (await this.#isGone(question, answer))) {
      if (tags.generation(question) === generation) tags.gone(question);
    }
    return asDenial(answer);
  }

  /** Some registries answer 404 to who may not see it: that one's 404 is not everybody's. */
  async #isGone(question: TagQuestion, answer: ManifestAnswer): Promise<boolean> {
    if (answer.kind !== "missing" || answer.answer.status !== 404) return false;
    return this.#options.speaksForAll(question, question.access);
  }

  /** What the tag means after this answer; undefined when the answer does not say. */
  async #meaning(
    ref: TagQuestion,
    answer: ManifestAnswer,
    { before, checkedAt, generation }: Asked,
  ): Promise<TagVariant | undefined> {
    const { manifests, repositoryBlobs } = this.#options;
    if (answer.kind === "same" && before !== undefined)
      return { current: saidAt(before.current, checkedAt), kept: lastKept(before) };
    if (answer.kind !== "found" && answer.kind !== "bytes") return undefined;
    const { digest, mediaType } = answer;
    const size = answer.kind === "found" ? answer.size : answer.bytes.length;
    const current = { digest, mediaType, size, checkedAt };
    if (answer.kind === "found") return { current, kept: lastKept(before) };
    await manifests.keep(ref, answer);
    await repositoryBlobs.delivered(ref, digest, { generation, access: ref.access });
    return { current, kept: current };
  }

  #tell(question: TagQuestion, answer: ManifestAnswer, change: Change): void {
    const { observe } = this.#options;
    const names = { ...repositoryNames(question), tag: question.tag };
    const isBackground = question.isBackground === true;
    const outcome = outcomeOf(answer, change);
    observe({ kind: "tagRevalidated", ...names, isBackground, outcome });
    if (outcome !== "moved" || change.before === undefined || change.known === undefined) return;
    const [from, to] = [change.before.current.digest, change.known.current.digest];
    observe({ kind: "tagMoved", ...names, from, to });
  }
}

/** What was known when the registry was asked, and when that was. */
type Asked = {
  readonly before: TagVariant | undefined;
  readonly checkedAt: number;
  readonly generation: number;
};

type Change = {
  readonly before: TagVariant | undefined;
  readonly known: TagVariant | undefined;
};

/** The last meaning whose bytes are kept, as of when it was last confirmed. */
function lastKept(before: TagVariant | undefined): TagVariant["kept"] {
  const kept = before?.kept?.digest === before?.current.digest ? before?.current : before?.kept;
  return kept && saidAt(kept, kept.checkedAt);
}

/** Types that the fixed Accept names, or that registries give whether asked for or not. */
const unremarkable =
  /^(?:\*\/\*|application\/\*|application\/json)$|^text\/|distribution\.manifest\.|oci\.image\./;

/** Whether the registry may have something else for a client with this set. */
function mayReadOther(answer: TagAnswer, accept: AcceptSet): boolean {
  if (answer.kind === "tag")
    return !acceptsType(accept, bareMediaType(answer.known.current.mediaType));
  if (answer.kind !== "missing") return false;
  return accept.split(",").some((type) => !unremarkable.test(type));
}

function asDenial(answer: ManifestAnswer): Unkept | Denial {
  switch (answer.kind) {
    case "refused":
    case "missing":
    case "unavailable":
    case "unkept":
      return answer;
    case "found":
    case "bytes":
    case "same":
      return { kind: "unkept", isManifest: true };
  }
}

type Outcome = Extract<CacheEvent, { readonly kind: "tagRevalidated" }>["outcome"];

function outcomeOf(answer: ManifestAnswer, { before, known }: Change): Outcome {
  if (answer.kind === "refused" || answer.kind === "unavailable") return answer.kind;
  if (answer.kind === "missing") return "gone";
  if (before === undefined) return "new";
  return before.current.digest === known?.current.digest ? "same" : "moved";
}
