/**
 * Confirms busy tags before they grow old, so that nobody waits for them: tags asked for at least
 * twice since they were last confirmed, at most one question a second to a registry.
 */
import type { AcceptSet } from "../../protocol/media-type.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import type { Visibility } from "../access/visibility.ts";
import { accountOf } from "../repository-ref.ts";
import type { TagResolver } from "./tag-resolver.ts";
import { type KnownTag, native } from "./tag-state.ts";
import { type TagRef, type Tags, tagKey } from "./tags.ts";

export type TagRefreshOptions = {
  readonly tags: Tags;
  readonly resolver: Pick<TagResolver, "resolve">;
  readonly visibility: Visibility;
};

type AskedTag = {
  readonly ref: TagRef;
  readonly accept: AcceptSet;
  /** The confirmation since which it is counted. */
  readonly since: number;
  count: number;
};

/** Clients may send Accept sets of kilobytes. */
const mostBytes = 2 * 1024 * 1024;

export class TagRefresh {
  readonly #options: TagRefreshOptions;
  readonly #asked = new FairMap<string, AskedTag>({
    limit: 5_000,
    bytes: { limit: mostBytes, of: ({ accept }, key) => 300 + 2 * (accept.length + key.length) },
  });
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TagRefreshOptions) {
    this.#options = options;
  }

  /** Looks once a second, until closed; holds no process. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.round().catch(() => undefined);
    }, 1_000).unref();
  }

  /** Somebody asked for the tag and got what is known of it. */
  asked(ref: TagRef, accept: AcceptSet, known: KnownTag): void {
    const key = `${tagKey(ref)}\n${known.variant}`;
    const since = known.current.checkedAt;
    const asked = this.#asked.get(key);
    if (asked?.since === since) asked.count += 1;
    else {
      // Nothing else of an ask: it has the client's login in it.
      const { registry, repository, tag } = ref;
      const news = { ref: { registry, repository, tag }, accept, since, count: 1 };
      this.#asked.set(key, news, accountOf(ref));
    }
  }

  /** Confirms the tag that has waited longest at each registry, if it is time. */
  async round(): Promise<void> {
    const next = new Map<RegistryName, AskedTag>();
    for (const [, asked] of this.#asked.entries()) {
      const { name } = asked.ref.registry;
      const other = next.get(name);
      if ((other === undefined || asked.since < other.since) && this.#isDue(asked))
        next.set(name, asked);
    }
    await Promise.all(Array.from(next.values(), (asked) => this.#confirm(asked)));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#closing.abort();
  }

  #isDue({ ref, since, count }: AskedTag): boolean {
    const { tags } = this.#options;
    return count >= 2 && tags.isDue(ref, since);
  }

  /** Only what may be asked in our own name: a client's login is used for that client alone. */
  async #confirm(asked: AskedTag): Promise<void> {
    asked.count = 0;
    const { tags, resolver, visibility } = this.#options;
    const { ref, accept } = asked;
    const [renewal] = await visibility.renewals({ ...ref, access: { kind: "none" } });
    if (renewal === undefined) return;
    const { access } = renewal;
    const accessKey = visibility.accessKey(access);
    if (tags.isPaused(ref, { variant: native, accessKey })) return;
    const answer = await resolver.resolve({
      ...ref,
      accept,
      access,
      accessKey,
      patience: "full",
      isForced: true,
      isBackground: true,
      signal: this.#closing.signal,
    });
    const witness = { kind: "tag", tag: ref.tag } as const;
    if (answer.kind === "tag") await visibility.grant(ref, access, witness);
    if (answer.kind === "refused") await visibility.revoke(ref, access);
  }
}
