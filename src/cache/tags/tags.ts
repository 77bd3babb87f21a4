/**
 * What is known of tags: the digest the upstream last gave for each variant, whether that may still
 * be believed, and what can stand in for it. Answered from memory.
 */
import type { AcceptSet } from "../../protocol/media-type.ts";
import { parseRepositoryName, parseTag, type Tag } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Allowance } from "../../runtime/allowance.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import type { Generation } from "../../runtime/generation.ts";
import type { RecordStore } from "../../store/record-store.ts";
import type { Observe } from "../cache-event.ts";
import { CachedRecords } from "../cached-records.ts";
import type { AgingRecords } from "../keeping/record-aging.ts";
import {
  accountOf,
  type Generations,
  type RepositoryRef,
  registryOfKey,
  repositoryKey,
} from "../repository-ref.ts";
import {
  ageOf,
  type Freshness,
  freshnessOf,
  freshUntil,
  isDue,
  isFresh,
  type TagRule,
  type TagRules,
} from "./freshness.ts";
import type { PullQuota } from "./pull-quota.ts";
import {
  native,
  printTagState,
  type RecalledTag,
  readTagState,
  recalled,
  type TagEntry,
  type TagState,
  type TagVariant,
  withVariant,
} from "./tag-state.ts";

export type TagRef = RepositoryRef & { readonly tag: Tag };

/** Which question failed: for which variant of the tag, and in whose name. */
export type TagName = { readonly variant: string; readonly accessKey: string };

export type TagsOptions = {
  readonly records: RecordStore;
  readonly rules: TagRules;
  readonly quota: PullQuota;
  readonly generations: Generations;
  readonly newRecords?: Pick<Allowance, "take"> | undefined;
  readonly generation?: Pick<Generation, "raise"> | undefined;
  readonly observe: Observe;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** After a failure a tag is served stale for so long before its upstream is asked again. */
const pause = 5_000;

export class Tags {
  readonly #options: TagsOptions;
  readonly #states: CachedRecords<TagState>;
  readonly #pausedUntil = new FairMap<string, number>({
    bytes: { limit: 1024 * 1024, of: (_, key) => 200 + key.length },
  });

  constructor(options: TagsOptions) {
    this.#options = options;
    const { records, observe, newRecords, generation } = options;
    const [read, print] = [readTagState, printTagState];
    this.#states = new CachedRecords({
      ...{ records, observe, newRecords, generation, read, print },
      prefix: "tag/",
      limit: 50_000,
    });
  }

  /** What is known of the tag for a client that reads these types. */
  async recall(ref: TagRef, accept: AcceptSet): Promise<RecalledTag> {
    const key = tagKey(ref);
    const { isKnown, fact } = this.#states.peek(key);
    return recalled(isKnown ? fact : await this.#states.get(key, accountOf(ref)), accept);
  }

  /** What is known of one variant. */
  async variant(ref: TagRef, variant: string): Promise<TagVariant | undefined> {
    return (await this.#states.get(tagKey(ref), accountOf(ref)))?.get(variant);
  }

  /** All that it was last said to mean, for whatever client; the last said first. */
  async meanings(ref: TagRef): Promise<readonly TagEntry[]> {
    const state = (await this.#states.get(tagKey(ref))) ?? new Map<string, TagVariant>();
    // What was converted for some clients is no image of the registry's.
    const own = state.get(native);
    const all = own === undefined ? [...state.values()] : [own];
    return all.flatMap(({ current, kept }) => [current, ...(kept === undefined ? [] : [kept])]);
  }

  isFresh(ref: TagRef, { checkedAt, isImported }: TagEntry): boolean {
    const { now, quota } = this.#options;
    return isFresh(
      { checkedAt, isImported, now: now() },
      this.#rule(ref),
      quota.of(ref.registry.name),
    );
  }

  /** Whether it may be believed, and why. */
  freshness(ref: TagRef, { checkedAt, isImported }: TagEntry): Freshness {
    const { now, quota } = this.#options;
    const check = { checkedAt, isImported, now: now() };
    return freshnessOf(check, this.#rule(ref), quota.of(ref.registry.name));
  }

  /** Until when it may be believed, if nothing is heard of it. */
  freshUntil(ref: TagRef, { checkedAt }: TagEntry): number {
    return freshUntil(checkedAt, this.#rule(ref), this.#options.quota.standing(ref.registry.name));
  }

  /** How long ago it was confirmed, and the rule for it. */
  standing(ref: TagRef, { checkedAt }: TagEntry): { readonly age: number; readonly rule: TagRule } {
    return { age: ageOf({ checkedAt, now: this.#options.now() }), rule: this.#rule(ref) };
  }

  /** Whether a busy tag should be confirmed before somebody has to wait for it. */
  isDue(ref: TagRef, checkedAt: number): boolean {
    const { now, quota } = this.#options;
    return isDue({ checkedAt, now: now() }, this.#rule(ref), quota.of(ref.registry.name));
  }

  /** Its upstream cannot say: it is left in peace for a moment by who asks the same in the same name. */
  pause(ref: TagRef, name: TagName): void {
    const until = this.#options.now() + pause;
    this.#pausedUntil.set(this.#pauseKey(ref, name), until, accountOf(ref));
  }

  /** Whether its upstream failed a moment ago. Others' logins and Accept sets say nothing of that. */
  isPaused(ref: TagRef, name: TagName): boolean {
    return (this.#pausedUntil.get(this.#pauseKey(ref, name)) ?? 0) > this.#options.now();
  }

  /** Its upstream has answered. */
  resume(ref: TagRef, name: TagName): void {
    this.#pausedUntil.delete(this.#pauseKey(ref, name));
  }

  /** Changes whenever something is written: what was asked before that is not learned after it. */
  generation(ref: TagRef): number {
    return this.#options.generations.of(ref);
  }

  /** The upstream said what the tag means. */
  async learn(ref: TagRef, variant: string, now: TagVariant): Promise<void> {
    const change = (state: TagState | undefined) => withVariant(state, variant, now);
    await this.#states.update(tagKey(ref), change, accountOf(ref));
  }

  /**
   * The operator says what it means, until the upstream does. Throws RegistryError DENIED where a rule
   * says that it never moves.
   */
  async imported(ref: TagRef, said: Omit<TagEntry, "checkedAt" | "isImported">): Promise<void> {
    const before = await this.variant(ref, native);
    if (this.#rule(ref).isImmutable && (before?.current.digest ?? said.digest) !== said.digest) {
      const sentence = `POLICY says that the tag ${ref.tag} of ${ref.repository} never moves, and it means ${before?.current.digest}`;
      throw new RegistryError("DENIED", sentence);
    }
    const entry: TagEntry = { ...said, checkedAt: this.#options.now(), isImported: true };
    await this.learn(ref, native, { current: entry, kept: entry });
  }

  /** The upstream said that there is no such tag. */
  gone(ref: TagRef): void {
    this.#states.delete(tagKey(ref), accountOf(ref));
  }

  /** The entry's bytes are kept: they can stand in when a later one cannot be fetched. */
  async noteKept(ref: TagRef, variant: string, entry: TagEntry): Promise<void> {
    const change = (state: TagState | undefined) => {
      const known = state?.get(variant);
      if (known === undefined || known.kept?.digest === entry.digest) return undefined;
      return withVariant(state, variant, { ...known, kept: entry });
    };
    await this.#states.update(tagKey(ref), change, accountOf(ref));
  }

  /** Something is written under this tag; what is returned brings back what was known of it. */
  async forget(ref: TagRef): Promise<() => Promise<void>> {
    const key = tagKey(ref);
    const before = await this.#states.get(key);
    this.gone(ref);
    return () => this.#states.update(key, (since) => since ?? before);
  }

  /** Its records, and when each was last confirmed. */
  aging(): AgingRecords {
    return {
      prefix: "tag/",
      renewedAt: (value, key) => {
        // Believed for good, it is never confirmed again.
        if (this.#isImmutable(key)) return undefined;
        const variants = [...(readTagState(value)?.values() ?? [])];
        if (variants.some(({ current }) => current.isImported)) return undefined;
        return Math.max(0, ...variants.map(({ current }) => current.checkedAt));
      },
      forget: (key) => this.#states.forget(key),
    };
  }

  flush(): Promise<void> {
    return this.#states.flush();
  }

  #pauseKey(ref: TagRef, { variant, accessKey }: TagName): string {
    return [tagKey(ref), this.generation(ref), variant, accessKey].join("\n");
  }

  #isImmutable(key: string): boolean {
    const [slash, colon] = [key.indexOf("/"), key.lastIndexOf(":")];
    const repository = parseRepositoryName(key.slice(slash + 1, colon));
    const tag = parseTag(key.slice(colon + 1));
    if (repository === undefined || tag === undefined) return false;
    return this.#options.rules.ruleFor(registryOfKey(key), repository, tag).isImmutable;
  }

  #rule({ registry, repository, tag }: TagRef): TagRule {
    return this.#options.rules.ruleFor(registry.name, repository, tag);
  }
}

/** `docker.io/library/alpine:3.20` */
export function tagKey(ref: TagRef): string {
  return `${repositoryKey(ref)}:${ref.tag}`;
}
