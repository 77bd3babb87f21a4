/**
 * Confirms busy tags before they grow old, so that nobody waits for them: tags asked for at least
 * twice since they were last confirmed, at most one question a second to a registry.
 */
import type { AcceptSet } from "../../protocol/media-type.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { Visibility } from "../access/visibility.ts";
import type { TagResolver } from "./tag-resolver.ts";
import { native } from "./tag-state.ts";
import { type KnownTag, type TagPlace, type Tags, tagKey } from "./tags.ts";

export type HotTagsOptions = {
  readonly tags: Tags;
  readonly resolver: Pick<TagResolver, "resolve">;
  readonly visibility: Visibility;
};

type Asked = {
  readonly place: TagPlace;
  readonly accept: AcceptSet;
  /** The confirmation since which it is counted. */
  readonly since: number;
  count: number;
};

export class TagRefresh {
  readonly #options: HotTagsOptions;
  readonly #asked = new BoundedMap<string, Asked>({ limit: 5_000 });
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HotTagsOptions) {
    this.#options = options;
  }

  /** Looks once a second, until closed; holds no process. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.round().catch(() => undefined);
    }, 1_000).unref();
  }

  /** Somebody asked for the tag and got what is known of it. */
  asked(place: TagPlace, accept: AcceptSet, known: KnownTag): void {
    const key = `${tagKey(place)}\n${known.variant}`;
    const since = known.current.checkedAt;
    const asked = this.#asked.get(key);
    if (asked?.since === since) asked.count += 1;
    else this.#asked.set(key, { place, accept, since, count: 1 });
  }

  /** Confirms the tag that has waited longest at each registry, if it is time. */
  async round(): Promise<void> {
    const next = new Map<RegistryName, Asked>();
    for (const [, asked] of this.#asked.entries()) {
      const { name } = asked.place.registry;
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

  #isDue({ place, since, count }: Asked): boolean {
    const { tags } = this.#options;
    return count >= 2 && tags.isDue(place, since);
  }

  /** Only what may be asked in our own name: a client's login is used for that client alone. */
  async #confirm(asked: Asked): Promise<void> {
    asked.count = 0;
    const { tags, resolver, visibility } = this.#options;
    const { place, accept } = asked;
    const [renewal] = await visibility.renewals({ ...place, access: { kind: "none" } });
    if (renewal === undefined) return;
    const { access } = renewal;
    const accessKey = visibility.accessKey(access);
    if (tags.isPaused(place, { variant: native, accessKey })) return;
    const answer = await resolver.resolve({
      ...place,
      accept,
      access,
      accessKey,
      patience: "full",
      isForced: true,
      isBackground: true,
      signal: this.#closing.signal,
    });
    const witness = { kind: "tag", tag: place.tag } as const;
    if (answer.kind === "tag") await visibility.yes(place, access, witness);
    if (answer.kind === "refused") await visibility.no(place, access);
  }
}
