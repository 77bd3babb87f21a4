/**
 * Which images are asked for, under which names, how often; and what goes through each minute. Kept in
 * memory until the next batch, off the way of every pull; a crash loses that batch at most.
 */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Changed, HostedEvent } from "../../hosted/hosted-event.ts";
import type { Manifest } from "../../protocol/manifest.ts";
import { bareMediaType, isIndexType } from "../../protocol/media-type.ts";
import { isPull, type RegistryEvent } from "../../registry/registry-event.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type {
  CatalogueStore,
  ImageName,
  ImageNews,
  ManifestPart,
  PartsOf,
  SumsOf,
} from "../../store/catalogue-store.ts";
import type { HostedHosts } from "../server/own-names.ts";
import { batchesOf } from "./batches.ts";
import { noTraffic, type Traffic } from "./traffic.ts";

export type CatalogueOptions = {
  readonly store: Pick<CatalogueStore, "write" | "parts" | "imagesIn" | "forget">;
  /** What a kept manifest lists. */
  readonly manifest: (digest: string) => Promise<Manifest | undefined>;
  /** The one name of a registry that has several. */
  readonly hosted: Pick<HostedHosts, "called">;
  readonly traffic: ReadonlyMap<string, Readonly<Traffic>>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
  /** Milliseconds between two batches; 30 s. */
  readonly interval?: number;
};

/** A manifest that somebody got, or looked at. */
type Sight = ImageName & {
  readonly digest: string;
  readonly at: number;
  readonly isPull: boolean;
  readonly isIndex: boolean;
  readonly isByDigest: boolean;
  readonly client: string;
};

/** More in one batch are counted, but not told apart any more. */
const mostSights = 20_000;
/** So many are looked at in one turn of the event loop, for pulls go on meanwhile. */
const perTurn = 200;
/** What lists more is no image that anybody runs. */
const mostParts = 2_000;
/** Of what images are made of: strangers' may list thousands of parts. */
const mostBytes = 4 * 1024 * 1024;

export class ImageCatalogue {
  readonly #options: CatalogueOptions;
  #sights: Sight[] = [];
  #deleted: Changed[] = [];
  /** Which tag a client asked for last in a repository: what it then pulls by digest is that tag's. */
  readonly #asked = new BoundedMap<string, { readonly tag: string; readonly digest: string }>({
    limit: 10_000,
  });
  readonly #known = new BoundedMap<string, readonly ManifestPart[]>({
    bytes: { limit: mostBytes, of: (parts) => 300 * (parts.length + 1) },
  });
  readonly #written = new Map<string, Traffic>();
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: CatalogueOptions) {
    this.#options = options;
  }

  start(): void {
    const { interval = 30_000 } = this.#options;
    this.#timer ??= setInterval(() => void this.flush(), interval).unref();
  }

  /** What was pushed here is an image that nobody has asked for yet; what is deleted is none any more. */
  hear(event: HostedEvent): void {
    if (event.kind !== "pushed" && event.kind !== "deleted") return;
    const registry = this.#options.hosted.called(event.registry);
    if (event.kind === "pushed" && event.what === "tag") {
      const { repository, reference, digest, client } = event;
      const how = { isPull: false, isIndex: false, isByDigest: false };
      if (this.#sights.length >= mostSights) return;
      this.#sights.push({
        ...{ registry, repository, reference, digest, client, at: this.#options.now(), ...how },
      });
    }
    if (event.kind !== "deleted" || event.what === "blob") return;
    const gone = { ...event, registry };
    this.#deleted.push(gone);
    this.#sights = this.#sights.filter((sight) => !isOf(sight, gone));
  }

  /** The operator put it here. */
  brought(image: ImageName & { readonly digest: string }): void {
    if (this.#sights.length >= mostSights) return;
    const registry = this.#options.hosted.called(image.registry);
    const how = { isPull: false, isIndex: false, isByDigest: false, client: "" };
    this.#sights.push({ ...image, registry, at: this.#options.now(), ...how });
  }

  note(event: RegistryEvent): void {
    const { route, status, digest, mediaType, repository, what, client } = event;
    if (route !== "manifest" || status !== 200 || digest === undefined) return;
    if (repository === undefined || this.#sights.length >= mostSights) return;
    const registry = this.#options.hosted.called(event.registry);
    this.#sights.push({
      ...{ registry, repository, reference: what, digest, client, at: this.#options.now() },
      isPull: isPull(event),
      isIndex: mediaType !== undefined && isIndexType(bareMediaType(mediaType)),
      isByDigest: what === digest,
    });
  }

  /** Writes what is new. Never rejects. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flush());
    return this.#flushing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.flush();
  }

  async #flush(): Promise<void> {
    const { store, now, onError } = this.#options;
    const [sights, deleted] = [this.#sights, this.#deleted];
    this.#sights = [];
    this.#deleted = [];
    try {
      for (const event of deleted) {
        const names = store.imagesIn(event.registry, event.repository);
        for (const name of names) if (isOf(name, event)) store.forget(name);
      }
      const { images, parts } = await this.#told(sights);
      const sums = this.#growth();
      if (images.length + sums.length === 0) return;
      for (const batch of batchesOf({ at: now(), images, parts, sums })) {
        store.write(batch);
        await yieldToOthers();
      }
    } catch (error) {
      onError(error);
    }
  }

  async #told(sights: readonly Sight[]) {
    const news = new Map<string, ImageNews>();
    const parts = new Map<string, PartsOf>();
    for (const [index, sight] of sights.entries()) {
      if (index % perTurn === perTurn - 1) await yieldToOthers();
      if (this.#known.get(sight.digest) === undefined) await this.#learn(sight.digest, parts);
      const name = await this.#nameOf(sight, parts);
      if (name === undefined) continue;
      const key = `${name.registry}/${name.repository}:${name.reference}`;
      const before = news.get(key);
      news.set(key, {
        ...name,
        seenAt: before?.seenAt ?? sight.at,
        pulls: (before?.pulls ?? 0) + Number(sight.isPull),
        pulledAt: sight.isPull ? sight.at : before?.pulledAt,
      });
    }
    return { images: [...news.values()], parts: [...parts.values()] };
  }

  /** The tag through which it was asked for; undefined for an index that only leads to an image. */
  async #nameOf(
    sight: Sight,
    learned: Map<string, PartsOf>,
  ): Promise<(ImageName & { readonly digest: string }) | undefined> {
    const { registry, repository, reference, digest, client, isByDigest, isIndex } = sight;
    const who = `${client}\n${registry}\n${repository}`;
    if (!isByDigest) {
      this.#asked.set(who, { tag: reference, digest });
      return { registry, repository, reference, digest };
    }
    const asked = this.#asked.get(who);
    if (asked !== undefined && (await this.#leadsTo(asked.digest, digest, learned))) {
      return { registry, repository, reference: asked.tag, digest: asked.digest };
    }
    return isIndex ? undefined : { registry, repository, reference, digest };
  }

  async #leadsTo(from: string, to: string, learned: Map<string, PartsOf>): Promise<boolean> {
    if (from === to) return true;
    const parts = this.#known.get(from) ?? (await this.#learn(from, learned));
    return parts.some((part) => part.digest === to);
  }

  async #learn(digest: string, learned: Map<string, PartsOf>): Promise<readonly ManifestPart[]> {
    const stored = this.#options.store.parts(digest);
    const parts = stored.length > 0 ? stored : partsOf(await this.#options.manifest(digest));
    if (parts.length === 0) return parts;
    this.#known.set(digest, parts);
    if (stored.length === 0) learned.set(digest, { digest, parts });
    return parts;
  }

  /** What went through since the last batch. */
  #growth(): readonly SumsOf[] {
    const grown: SumsOf[] = [];
    for (const [registry, now] of this.#options.traffic) {
      const before = this.#written.get(registry) ?? noTraffic;
      const sums = difference(now, before);
      if (Object.values(sums).every((value) => value === 0)) continue;
      this.#written.set(registry, { ...now });
      grown.push({ registry, sums });
    }
    return grown;
  }
}

/** A tag that was deleted, or one of a digest that was. */
function isOf(one: ImageName & { readonly digest: string }, gone: Changed): boolean {
  const isThere = one.registry === gone.registry && one.repository === gone.repository;
  const isIts = gone.what === "tag" ? one.reference === gone.reference : one.digest === gone.digest;
  return isThere && isIts;
}

/** Of an index what is for no platform, an attestation, is no part of any image. */
function partsOf(manifest: Manifest | undefined): readonly ManifestPart[] {
  if (manifest === undefined) return [];
  const { kind, references } = manifest;
  const some = references.slice(0, mostParts);
  const parts = some.map(({ digest, size, platform }) => ({ digest, size, platform }));
  if (kind === "image") return parts;
  const named = parts.filter(({ platform }) => platform !== undefined);
  return named.length > 0 ? named : parts.map((part) => ({ ...part, platform: "any" }));
}

function difference(now: Readonly<Traffic>, before: Readonly<Traffic>): Traffic {
  const entries = Object.entries(now) as [keyof Traffic, number][];
  return Object.fromEntries(entries.map(([key, value]) => [key, value - before[key]])) as Traffic;
}
