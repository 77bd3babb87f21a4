/**
 * What can be given of a tag: the manifest it means, or the last one that stands in while its
 * registry cannot say. Only what this asker may have, and can read.
 */
import type { ByteSource } from "../../download/byte-source.ts";
import type { Digest } from "../../protocol/digest.ts";
import { headerList } from "../../protocol/http/header-list.ts";
import type { Tag } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Visibility } from "../access/visibility.ts";
import { isOpenByImport } from "../access/while-unreachable.ts";
import { type CacheOutcome, type Content, contentOf } from "../content.ts";
import type { ManifestAsk } from "../pull-ask.ts";
import { ageOf, maySubstitute } from "../tags/freshness.ts";
import type { KnownTag, RecalledTag, TagEntry } from "../tags/tag-state.ts";
import type { Tags } from "../tags/tags.ts";
import { type CompletenessParts, isComplete } from "./completeness.ts";
import { LengthSource, memorySource } from "./memory-source.ts";

export type TagContentsOptions = CompletenessParts & {
  readonly visibility: Visibility;
  readonly tags: Tags;
  /** Milliseconds for which what is known stands in for an upstream that cannot say. */
  readonly staleIfError: number;
  readonly now: () => number;
};

/** An ask by tag. */
export type TagAsk = ManifestAsk & { readonly tag: Tag };

/** What can be served while the upstream cannot say; without bytes for a HEAD alone. */
export type StandIn = { readonly entry: TagEntry; readonly bytes: Buffer | undefined };

export class TagContents {
  readonly #options: TagContentsOptions;

  constructor(options: TagContentsOptions) {
    this.#options = options;
  }

  /** What stands in while the upstream cannot say; 503 where a mirror could not give all of it. */
  async stale(
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
    const source =
      bytes === undefined ? new LengthSource(entry.size ?? 0) : this.#sourceOf(bytes, entry.digest);
    const age = this.#age(entry);
    const since = entry.isImported === true ? `was imported as ${ask.tag}` : `${ask.tag} meant`;
    const warning = `${ask.registry.name} ${why}; this is what ${since} ${age} s ago`;
    return { ...this.#contentOf(entry, source, "stale"), warning };
  }

  /** The last meaning of the tag that this asker may have: its bytes, or its length where HEAD asks no more. */
  async standIn(ask: TagAsk, { standIns }: RecalledTag): Promise<StandIn | undefined> {
    const { visibility, staleIfError, now } = this.#options;
    if (standIns.length === 0) return undefined;
    const isOpen = await visibility.mayWhileUnreachable(ask);
    for (const entry of standIns) {
      if (!isOpen && !(await isOpenByImport(this.#options, ask, entry.digest))) continue;
      if (!maySubstitute({ ...entry, now: now() }, staleIfError)) continue;
      const bytes = await this.bytes(ask, entry);
      if (bytes !== undefined || (await this.#isEnough(ask, entry))) return { entry, bytes };
    }
    return undefined;
  }

  /** Undefined when the bytes are needed and not kept. */
  async of(
    ask: TagAsk,
    { current, kept, variant }: KnownTag,
    outcome: CacheOutcome,
  ): Promise<Content | undefined> {
    if (await this.#isEnough(ask, current))
      return this.#contentOf(current, new LengthSource(current.size ?? 0), outcome);
    const bytes = await this.bytes(ask, current);
    if (bytes === undefined) return undefined;
    if (kept?.digest !== current.digest) await this.#options.tags.noteKept(ask, variant, current);
    return this.#contentOf(current, this.#sourceOf(bytes, current.digest), outcome);
  }

  #sourceOf(bytes: Buffer, digest: Digest): ByteSource {
    const { manifests } = this.#options;
    return memorySource(bytes, () => manifests.bytesOf(digest));
  }

  /** Whether a HEAD can be answered from what is known alone. */
  async #isEnough({ isHead, ...ref }: TagAsk, entry: TagEntry): Promise<boolean> {
    if (!isHead || entry.size === undefined) return false;
    const said = { at: entry.checkedAt };
    return !(await this.#options.repositoryBlobs.isUnlinked(ref, entry.digest, said));
  }

  /** The kept bytes, if they are this repository's to give. */
  async bytes(ask: TagAsk, { digest, checkedAt }: TagEntry): Promise<Buffer | undefined> {
    const { manifests, repositoryBlobs } = this.#options;
    const manifest = await manifests.get(digest, ask.registry.name);
    if (manifest === undefined) return undefined;
    return (await repositoryBlobs.confirmed(ask, digest, { at: checkedAt }))
      ? manifest.bytes
      : undefined;
  }

  #contentOf(entry: TagEntry, source: ByteSource, outcome: CacheOutcome): Content {
    const { mediaType } = entry;
    return { ...contentOf(entry, { source, mediaType }, outcome), age: this.#age(entry) };
  }

  #age({ checkedAt }: TagEntry): number {
    return Math.floor(ageOf({ checkedAt, now: this.#options.now() }) / 1_000);
  }
}

/** Who can be given what is known does not wait long for something newer. */
export function patienceWith(standIn: StandIn | undefined): "full" | "brief" {
  return standIn === undefined ? "full" : "brief";
}
