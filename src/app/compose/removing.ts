/** Removes images: of what was pushed here the names, of what is cached the bytes. */
import type { Removable, Removal, Sized } from "../../doors/back-office/operations.ts";
import { HostedHosts } from "../../doors/server/own-names.ts";
import { type Digest, parseDigest } from "../../protocol/digest.ts";
import { parseReference, parseTag } from "../../protocol/reference.ts";
import { parseRegistryName } from "../../protocol/registry-name.ts";
import type { ImageRecord } from "../../store/catalogue-store.ts";
import type { Core } from "./core.ts";

export class Removing {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** What it would mean; undefined when there is nothing of that name. */
  look(what: Removable): Promise<Removal | undefined> {
    return this.#isHosted(what) ? this.#hosted(what) : this.#cached(what);
  }

  /** Throws RegistryError DENIED when a tag is to stay as it is, and StoreError. */
  async remove(what: Removable): Promise<Removal | undefined> {
    const removal = await this.look(what);
    if (removal === undefined) return undefined;
    if (removal.world === "hosted") return this.#removeHosted(what, removal);
    return this.#removeCached(what, removal);
  }

  #isHosted({ registry }: Removable): boolean {
    return new HostedHosts(this.#core.settings.hosted.hosts).isHosted(registry);
  }

  async #hosted({ repository, reference }: Removable): Promise<Removal | undefined> {
    const its = this.#core.store.catalogue?.repository(repository);
    const none = { world: "hosted", freed: [], shared: [] } as const;
    if (its === undefined) return undefined;
    if (reference === undefined) {
      return { ...none, tags: [...its.tags.keys()], images: [...its.manifests.keys()] };
    }
    const tag = parseTag(reference);
    if (tag !== undefined)
      return its.tags.has(tag) ? { ...none, tags: [tag], images: [] } : undefined;
    const digest = parseDigest(reference);
    if (digest === undefined || !its.manifests.has(digest)) return undefined;
    return { ...none, tags: its.tagsOf(digest), images: [digest] };
  }

  async #removeHosted(
    { registry, repository, reference }: Removable,
    removal: Removal,
  ): Promise<Removal> {
    const { hosted } = this.#core;
    const parsed = reference === undefined ? undefined : parseReference(reference);
    if (parsed === undefined) await hosted?.manifests.deleteAll(repository);
    else await hosted?.manifests.delete(repository, parsed);
    this.#tell(registry, repository, removal);
    return removal;
  }

  /** As the same is told of a client. */
  #tell(registry: string, repository: string, { tags, images }: Removal): void {
    const about = { kind: "deleted", registry, repository, user: undefined } as const;
    const client = "this machine";
    for (const digest of images) {
      const reference = digest;
      this.#core.tellHosted({ ...about, what: "manifest", reference, digest, client });
    }
    if (images.length > 0) return;
    for (const reference of tags) {
      this.#core.tellHosted({ ...about, what: "tag", reference, digest: "", client });
    }
  }

  async #cached(what: Removable): Promise<Removal | undefined> {
    await this.#core.catalogue.flush();
    const names = this.#namesOf(what);
    if (names.length === 0) return undefined;
    const freed: Sized[] = [];
    const shared: Removal["shared"][number][] = [];
    for (const { digest, size } of await this.#blobsOf(names)) {
      const by = await this.#otherUser(digest, names);
      if (by === undefined) freed.push({ digest, size });
      else shared.push({ digest, size, by });
    }
    const tags = names.map(({ reference }) => reference);
    const images = [...new Set(names.map(({ digest }) => digest))];
    return { world: "cached", tags, images, freed, shared };
  }

  async #removeCached(what: Removable, removal: Removal): Promise<Removal> {
    const { cache, statistics } = this.#core;
    for (const name of this.#namesOf(what)) {
      const registry = parseRegistryName(name.registry);
      const reference = parseReference(name.reference);
      if (registry !== undefined && reference?.kind === "tag") {
        const isForgotten = await cache.pulls.writing(registry, what.repository, [reference]);
        await isForgotten("taken");
      }
      statistics.forget(name);
    }
    const freed: Sized[] = [];
    for (const { digest } of removal.freed) {
      const size = await cache.loose.drop(digest as Digest);
      if (size > 0) freed.push({ digest, size });
    }
    return { ...removal, freed };
  }

  /** A registry that is spoken to in plain HTTP is another one by name. */
  #namesOf({ registry, repository, reference }: Removable): readonly ImageRecord[] {
    const { statistics } = this.#core;
    return [registry, `http://${registry}`].flatMap((name) =>
      statistics
        .imagesIn(name, repository)
        .filter((one) => (reference ?? one.reference) === one.reference),
    );
  }

  async #blobsOf(names: readonly ImageRecord[]): Promise<Iterable<Sized>> {
    const { store, statistics, cache } = this.#core;
    const blobs = new Map<string, Sized>();
    const waiting: string[] = names.map(({ digest }) => digest);
    for (let text = waiting.pop(); text !== undefined; text = waiting.pop()) {
      const digest = parseDigest(text);
      if (digest === undefined || blobs.has(text)) continue;
      waiting.push(...statistics.parts(text).map((part) => part.digest));
      const size = cache.isKept(digest)
        ? ((await store.blobs.stat(digest))?.size ?? cache.archiving?.sizeOf(digest))
        : undefined;
      if (size !== undefined) blobs.set(text, { digest, size });
    }
    return blobs.values();
  }

  /** Whoever needs it besides: an image whose manifest is kept, or what was pushed here. */
  async #otherUser(text: string, names: readonly ImageRecord[]): Promise<string | undefined> {
    const { store, statistics, cache } = this.#core;
    if (store.holds.isHeld(text as Digest)) return "what was pushed here";
    const going = new Set(names.map(nameOf));
    for (const other of statistics.namesOf(text)) {
      const digest = parseDigest(other.digest);
      if (!going.has(nameOf(other)) && digest !== undefined && cache.isKept(digest)) {
        return nameOf(other);
      }
    }
    return undefined;
  }
}

function nameOf({ registry, repository, reference }: ImageRecord): string {
  const separator = reference.includes(":") ? "@" : ":";
  return `${registry.replace(/^http:\/\//, "")}/${repository}${separator}${reference}`;
}
