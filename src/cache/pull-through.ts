/**
 * The policy of a pull: what is kept is served to whom it may be; what only the upstream can say is
 * asked there; everything else is fetched once, and kept while it is served.
 */
import type { Bookkeeping, StoredBlob } from "../download/bookkeeping.ts";
import type { Digest } from "../protocol/digest.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { Reference, RepositoryName } from "../protocol/reference.ts";
import type { Registry } from "../protocol/registry-name.ts";
import type { VisibilityName } from "./cache-event.ts";
import { CarriedImages } from "./carried-images.ts";
import type { CacheAnswer, Passed } from "./content.ts";
import type { AgingRecords } from "./keeping/record-aging.ts";
import { type Outlook, outlookOf } from "./outlook.ts";
import type { AskForList, ListAsk } from "./pull/list-pull.ts";
import type { WriteFate } from "./pull/writes.ts";
import type { BlobAsk, ManifestAsk, PullAsk } from "./pull-ask.ts";
import type { PullParts } from "./pull-parts.ts";
import type { RepositoryRef } from "./repository-ref.ts";
import type { RegistryBudget } from "./tags/pull-quota.ts";

export class PullThrough implements Bookkeeping {
  /** For an operator who carries images away, or brings them. */
  readonly carried: CarriedImages;
  readonly #parts: PullParts;

  constructor(parts: PullParts) {
    this.#parts = parts;
    this.carried = new CarriedImages(parts);
  }

  /** Throws UpstreamError, RegistryError or DownloadError when there is no answer to give. */
  async blob(asked: BlobAsk): Promise<CacheAnswer> {
    const { blobPull, visibility } = this.#parts;
    const ask = withOwnAccess(asked);
    // In whose names the registry may be asked is looked up while the disk is.
    void visibility.accesses(ask);
    if (await blobPull.isNowhere(ask)) return blobPull.miss(ask);
    const hit = await blobPull.hit(ask);
    const confirmed = hit ?? (await blobPull.confirmed(ask));
    return confirmed ?? blobPull.miss(ask);
  }

  /** Throws like `blob`. A tag's stale answer is part of asking about it. */
  async manifest(asked: ManifestAsk): Promise<CacheAnswer> {
    const ask = withOwnAccess(asked);
    const answer = await this.#manifest(ask);
    if (answer.kind !== "content") return answer;
    const { quota, settling } = this.#parts;
    if (answer.outcome !== "stale") settling.served(ask, answer.digest);
    const rateLimit = quota.toldTo(ask.registry.name, ask.access);
    const { reuse } = answer;
    if (reuse === undefined || rateLimit === undefined) return { ...answer, rateLimit };
    const until = Math.min(reuse.until, rateLimit.until);
    return { ...answer, rateLimit, reuse: { ...reuse, until } };
  }

  async #manifest(ask: ManifestAsk): Promise<CacheAnswer> {
    const { manifestPull, tagPull } = this.#parts;
    const { reference } = ask;
    if (reference.kind === "tag") {
      const tagAsk = { ...ask, tag: reference.tag };
      const recalled = await tagPull.recall(tagAsk);
      return (await tagPull.hit(tagAsk, recalled)) ?? tagPull.asked(tagAsk, recalled);
    }
    const digestAsk = { ...ask, digest: reference.digest };
    const hit = await manifestPull.hit(digestAsk);
    const confirmed = hit ?? (await manifestPull.confirmed(digestAsk));
    return confirmed ?? manifestPull.miss(digestAsk);
  }

  /** A tag list or referrers. `send` asks the registry; what it throws is thrown. */
  list(ask: ListAsk, send: AskForList): Promise<Passed> {
    return this.#parts.listPull.answer(ask, send);
  }

  /**
   * A write is about to be sent: what is known of the tags and digests it names is forgotten. What
   * is returned is to be called once, with what became of it, before its client hears of that.
   */
  writing(
    registry: Registry,
    repository: RepositoryName,
    references: readonly Reference[],
  ): Promise<(fate: WriteFate) => Promise<void>> {
    return this.#parts.writes.begin({ registry, repository }, references);
  }

  /** Who delivered it holds it from now on. */
  stored(blob: StoredBlob): void {
    const { registry: name, repository, digest, size } = blob;
    this.#parts.usage.added(digest, size);
    this.#parts.kept.forget(digest);
    if (blob.isPatchwork === true) return;
    const ref = { registry: { name, scheme: "https" }, repository } as const;
    const { blobPull, generations, repositoryBlobs } = this.#parts;
    const began = blobPull.beganWith(digest, ref) ?? { ref, generation: generations.of(ref) };
    // A manifest was credited when it came.
    const access = blob.isAnonymous === true ? ({ kind: "anonymous" } as const) : undefined;
    const { generation } = began;
    void repositoryBlobs.delivered(began.ref, digest, { generation, access });
  }

  /** Nobody holds it any more. */
  gone(digest: Digest): void {
    const { repositoryBlobs, manifests, kept } = this.#parts;
    this.#parts.usage.removed(digest);
    repositoryBlobs.forget(digest);
    manifests.forget(digest);
    kept.forget(digest);
  }

  /** It is not on the disk any more, and yet can be had by everybody who could have it. */
  away(digest: Digest): void {
    this.#parts.usage.removed(digest);
    this.#parts.kept.forget(digest);
  }

  /** Who gave the bytes first, as text to be kept beside them. */
  originOf(digest: Digest): Promise<string | undefined> {
    return this.#parts.repositoryBlobs.originOf(digest);
  }

  /** Records that may go when nobody has renewed them for long. */
  aging(): readonly AgingRecords[] {
    const { tags, visibility, repositoryBlobs } = this.#parts;
    return [tags.aging(), visibility.aging(), repositoryBlobs.aging()];
  }

  /** What a kept manifest lists. */
  manifestOf(digest: Digest): Promise<Manifest | undefined> {
    return this.#parts.manifests.read(digest);
  }

  /** Whether any repository elsewhere is known to hold it. */
  isHeldAnywhere(digest: Digest): Promise<boolean> {
    return this.#parts.repositoryBlobs.isHeldAnywhere(digest);
  }

  /** What a pull without a login would meet now; nobody is asked. */
  outlook(ref: RepositoryRef, reference: Reference): Promise<Outlook> {
    const hasLogin = this.#parts.credentialOf(ref.registry, ref.repository) !== undefined;
    return outlookOf(this.#parts, ref, reference, { kind: hasLogin ? "shared" : "anonymous" });
  }

  visibilityOf(registry: Registry, repository: RepositoryName): Promise<VisibilityName> {
    return this.#parts.visibility.nameOf({ registry, repository });
  }

  /** What registries say is left of the pulls they allow us. */
  budgets(): readonly RegistryBudget[] {
    return this.#parts.quota.all();
  }

  /** What clients who just got a manifest are about to ask for, and when they got it. */
  wanted(): Promise<ReadonlyMap<Digest, number>> {
    return this.#parts.justServed.wanted();
  }

  /** Confirms busy tags in the background, until closed. */
  start(): void {
    this.#parts.tagRefresh.start();
  }

  /** Ends what goes on in the background, and writes what is not in the records yet. */
  async close(): Promise<void> {
    const { tagRefresh, tagPull, blobPull, settling } = this.#parts;
    const { accessChecks, manifestPull, resolver, listPull } = this.#parts;
    tagRefresh.close();
    tagPull.close();
    blobPull.close();
    await settling.close();
    await Promise.all([accessChecks, manifestPull, resolver, listPull].map((each) => each.close()));
    await this.flush();
  }

  /** Resolves when everything known is in the records, or could not be written. */
  async flush(): Promise<void> {
    const { manifests, visibility, repositoryBlobs, tags } = this.#parts;
    await manifests.flush();
    await Promise.all([visibility.flush(), repositoryBlobs.flush(), tags.flush()]);
  }
}

/** Who may have public images only is asked for like anybody, whatever the operator's login opens. */
function withOwnAccess<A extends PullAsk>(ask: A): A {
  const isPublicOnly = ask.isPublicOnly === true && ask.access.kind === "shared";
  return isPublicOnly ? { ...ask, access: { kind: "anonymous", from: ask.access.from } } : ask;
}
