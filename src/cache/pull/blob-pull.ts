/**
 * Blobs: from the store for whom they may be, otherwise through the one download of the digest, which
 * has a front for every range. Where nothing would be kept, a range goes upstream on its own.
 */

import type { Digest } from "../../protocol/digest.ts";
import { headerValue } from "../../protocol/http/header-list.ts";
import { firstByteOf } from "../../protocol/http/range.ts";
import { maxManifestBytes } from "../../protocol/manifest.ts";
import type { Access } from "../../upstream/registry-client.ts";
import type { AccessChecks } from "../access/access-checks.ts";
import type { RepositoryBlobs } from "../access/repository-blobs.ts";
import { mayWhileUnreachable } from "../access/while-unreachable.ts";
import { askBlob, type BlobQuestion, type Given } from "../asking/blob-asks.ts";
import type { Denial } from "../asking/small-answer.ts";
import { type CacheAnswer, contentOf } from "../content.ts";
import type { ArchivedBlobs, ArchivedLinks } from "../keeping/archived-blobs.ts";
import type { KeptBlobs } from "../keeping/kept-blobs.ts";
import type { Manifests } from "../keeping/manifests.ts";
import type { BlobAsk } from "../pull-ask.ts";
import type { RepositoryRef } from "../repository-ref.ts";
import { type Foreseen, keptIf, maySkipPush } from "../why.ts";
import { linked } from "./archived-link.ts";
import {
  BlobDownloads,
  type BlobDownloadsOptions,
  isPartAsked,
  passed,
  provenBlob,
  questionOf,
  type Stretch,
} from "./blob-downloads.ts";
import { DoubtfulRanges } from "./doubtful-ranges.ts";
import type { OriginPlace } from "./download-origins.ts";
import { firstAllowed, isDenial, isRenewed, passDenial } from "./first-allowed.ts";
import { LengthSource, MemorySource } from "./memory-source.ts";
import type { NegativeCache } from "./negative-cache.ts";
import { wellKnownBlob } from "./well-known-blobs.ts";

export type BlobPullOptions = BlobDownloadsOptions & {
  readonly kept: KeptBlobs;
  readonly manifests: Pick<Manifests, "isOne">;
  readonly archived?: ArchivedBlobs | undefined;
  /** Undefined where nobody is sent to the archive. */
  readonly links?: ArchivedLinks | undefined;
  readonly accessChecks: AccessChecks;
  readonly repositoryBlobs: RepositoryBlobs;
  readonly negative: NegativeCache;
  readonly now: () => number;
};

/** Bytes that a range may lie ahead of a recheck and still wait for it. */
const near = 8 * 1024 * 1024;
/** Until it was hashed again, a range of a larger blob does not wait for that. */
const longRecheck = 64 * 1024 * 1024;

export class BlobPull {
  readonly #options: BlobPullOptions;
  readonly #downloads: BlobDownloads;
  readonly #doubtful: DoubtfulRanges;

  constructor(options: BlobPullOptions) {
    this.#options = options;
    this.#downloads = new BlobDownloads(options);
    this.#doubtful = new DoubtfulRanges(options.kept);
  }

  /** No GET finds it here, so who may have it does not matter yet; an archive may have it. */
  async isNowhere({ digest, isHead, decision }: BlobAsk): Promise<boolean> {
    const { kept, archived } = this.#options;
    if (isHead || archived !== undefined || (await kept.isThere(digest))) return false;
    decision.because({ reason: "not kept" });
    return true;
  }

  /** From the store, when this asker may have it. */
  async hit(ask: BlobAsk): Promise<CacheAnswer | undefined> {
    const foreseen = await this.#foreseen(ask);
    ask.decision.because(foreseen);
    const { accessChecks, links, manifests } = this.#options;
    const isProven = foreseen.reason === "kept";
    if (!isProven && !(await isRenewed(accessChecks, ask, foreseen))) return undefined;
    if (links !== undefined && foreseen.open === "public") {
      const elsewhere = await linked({ links, manifests }, ask);
      if (elsewhere !== undefined) return elsewhere;
    }
    const kept = await this.#unlessManifest(ask, await this.#kept(ask));
    if (kept === undefined) ask.decision.because({ reason: "not kept" });
    return kept;
  }

  /** A manifest is no blob, at some registries: what this one says of it as a blob, it alone knows. */
  async #unlessManifest(
    ask: BlobAsk,
    answer: CacheAnswer | undefined,
  ): Promise<CacheAnswer | undefined> {
    if (answer?.kind !== "content" || (answer.source.size ?? 0) > maxManifestBytes) return answer;
    if (!(await this.#options.manifests.isOne(ask.digest, ask.registry.name))) return answer;
    await answer.source.close();
    return undefined;
  }

  async #foreseen(ask: BlobAsk): Promise<Foreseen> {
    const { repositoryBlobs, visibility } = this.#options;
    if (maySkipPush(ask)) return { reason: "may push" };
    const isHeld = await repositoryBlobs.holds(ask, ask.digest);
    return keptIf(isHeld ? await visibility.opennessTo(ask, ask.digest) : undefined);
  }

  /** The upstream lets this asker have what is kept; undefined when only its body will do. */
  async confirmed(ask: BlobAsk): Promise<CacheAnswer | undefined> {
    const { kept, repositoryBlobs, generations, now } = this.#options;
    const stat = await kept.stat(ask.digest);
    if (stat === undefined) return this.#notKept(ask);
    const said = { generation: generations.of(ask), at: now() };
    const maySubstitute = await this.#maySubstitute(ask);
    const patience = maySubstitute ? "brief" : "full";
    const { answer, access } = await provenBlob(this.#options, ask, stat.size, patience);
    if (answer.kind === "given") {
      const isHeld =
        (await repositoryBlobs.confirmed(ask, ask.digest, { ...said, access })) ||
        ((await this.#learnsOrigin(ask)) &&
          (await repositoryBlobs.confirmed(ask, ask.digest, { ...said, access })));
      return isHeld ? this.#kept(ask) : undefined;
    }
    if (answer.kind === "refused") return passDenial(answer);
    if (answer.kind === "missing") return undefined;
    return (maySubstitute ? await this.#kept(ask) : undefined) ?? passDenial(answer);
  }

  #notKept({ isHead, decision }: BlobAsk): undefined {
    if (!isHead) decision.because({ reason: "not kept" });
  }

  /** From the registry asked. */
  async miss(ask: BlobAsk): Promise<CacheAnswer> {
    const { negative, visibility, generations } = this.#options;
    const variant = `${ask.digest}\n${visibility.accessKey(ask.access)}`;
    // Of a HEAD nothing is remembered: a push asks before and after it, and some registries know GET only.
    const known = ask.isHead ? undefined : negative.recall(ask, variant);
    if (known !== undefined) {
      ask.decision.because({ reason: "missing lately" });
      return passDenial({ kind: "missing", answer: known }, "negative");
    }
    const generation = generations.of(ask);
    const answer = await this.#fetched(ask);
    if (!ask.isHead && answer.kind === "missing" && generations.of(ask) === generation)
      negative.remember(ask, variant, answer.answer);
    if (!isDenial(answer)) return answer;
    const isExcused = answer.kind === "unavailable" && !maySkipPush(ask);
    const bytes = isExcused ? wellKnownBlob(ask.digest) : undefined;
    if (bytes === undefined) return passDenial(answer);
    return contentOf(ask, { source: new MemorySource(bytes) }, "stale");
  }

  /** The repository as it was when the download of the digest began with it. */
  beganWith(digest: Digest, ref: RepositoryRef): OriginPlace | undefined {
    return this.#downloads.beganWith(digest, ref);
  }

  /** Behind everybody's back. */
  bringIn(ask: BlobAsk): void {
    this.#downloads.startBehind(ask);
  }

  /** Ends what goes on behind clients' backs. */
  close(): void {
    this.#downloads.close();
  }

  /** Whether what is kept is this asker's while the registry cannot be asked. */
  async #maySubstitute(ask: BlobAsk): Promise<boolean> {
    if (await mayWhileUnreachable(this.#options, ask, ask.digest)) return true;
    // Public in another repository there says nothing of whether a push to this one may leave it out.
    if (maySkipPush(ask)) return false;
    return this.#options.repositoryBlobs.isPublicAt(ask, ask.digest);
  }

  async #fetched(ask: BlobAsk): Promise<CacheAnswer | Denial> {
    if (ask.isHead) return this.#head(ask);
    const wanted = await this.#wanted(ask);
    const isPart = wanted.start > 0 && wanted.end !== undefined;
    // Where nothing is kept there is no file that many fronts could write to.
    const isAlone = isPart && !this.#options.downloads.mayKeep(ask.digest);
    const passedOn = isAlone ? await this.#passRange(ask, wanted) : undefined;
    return passedOn ?? this.#downloads.open(ask, wanted);
  }

  /** Where the client starts to read. A suffix needs the length first. */
  async #wanted(ask: BlobAsk, known?: number): Promise<Stretch> {
    const [spec, ...more] = ask.range ?? [];
    if (spec === undefined || more.length > 0) return { start: 0, end: undefined };
    if (spec.kind === "from") return spec;
    const running = known ?? this.#options.downloads.running(ask.digest)?.size;
    const size = running ?? (await this.#sizeOf(ask));
    if (size === undefined) return { start: 0, end: undefined };
    return { start: Math.max(0, size - spec.length), end: size };
  }

  async #sizeOf(ask: BlobAsk): Promise<number | undefined> {
    const answer = await this.#asked(ask, { method: "HEAD", redirects: "blob" });
    if (answer.kind !== "given") return undefined;
    answer.response.body.destroy();
    const length = Number(headerValue(answer.response.headers, "content-length") ?? Number.NaN);
    return answer.response.status === 200 && Number.isSafeInteger(length) ? length : undefined;
  }

  /** Undefined when the registry sends something else: all of it, unverified, is not for passing on. */
  async #passRange(ask: BlobAsk, range: Stretch): Promise<CacheAnswer | Denial | undefined> {
    const answer = await this.#asked(ask, { method: "GET", redirects: "blob", range });
    if (answer.kind !== "given") return answer;
    if (isPartAsked(answer.response, range)) return passed(answer.response, ask);
    answer.response.body.destroy();
    return undefined;
  }

  async #head(ask: BlobAsk): Promise<CacheAnswer | Denial> {
    const answer = await this.#asked(ask, { method: "HEAD", redirects: "blob" });
    return answer.kind === "given" ? passed(answer.response, ask) : answer;
  }

  async #asked(
    ask: BlobAsk,
    how: Pick<BlobQuestion, "method" | "redirects" | "range">,
  ): Promise<Given | Denial> {
    const { client, visibility } = this.#options;
    const question = { ...questionOf(ask), ...how };
    const ours = (access: Access) => askBlob(client, { ...question, access });
    return (await firstAllowed(visibility, ask, ours, "expire")).answer;
  }

  async #kept(ask: BlobAsk): Promise<CacheAnswer | undefined> {
    const { kept } = this.#options;
    if (ask.range !== undefined) {
      const ranged = await this.#doubtfulRange(ask);
      if (ranged !== undefined) return ranged;
    }
    const { range } = ask;
    const source = await kept.open(ask.digest, range && ((size) => firstByteOf(range, size)));
    if (source === undefined) return this.#fromArchive(ask);
    return contentOf(ask, { source }, "hit");
  }

  /** What the disk has no room for; where the archive gives nothing the registry is asked as ever. */
  async #fromArchive(ask: BlobAsk): Promise<CacheAnswer | undefined> {
    const stat = await this.#options.archived?.find(ask.digest);
    if (stat === undefined) return undefined;
    if (ask.isHead) {
      const source = new LengthSource(stat.size);
      return contentOf(ask, { source }, "hit");
    }
    const source = await this.#downloads.fromArchive(ask, await this.#wanted(ask, stat.size));
    return source && contentOf(ask, { source }, "hit");
  }

  /** The records may be lost, and the archive say who gave the bytes. */
  async #learnsOrigin({ digest }: BlobAsk): Promise<boolean> {
    const origin = await this.#options.archived?.originOf(digest);
    if (origin !== undefined) await this.#options.repositoryBlobs.learnOrigin(digest, origin);
    return origin !== undefined;
  }

  /** A range that would have to wait for a long recheck goes upstream, if it may; none that is near. */
  async #doubtfulRange(ask: BlobAsk): Promise<CacheAnswer | undefined> {
    const stat = await this.#options.kept.stat(ask.digest);
    if (stat === undefined || stat.isVerified || stat.size <= longRecheck) return undefined;
    const wanted = await this.#wanted(ask, stat.size);
    if (wanted.start <= near) return undefined;
    const source = await this.#doubtful.arrived(ask.digest, wanted.start, ask.signal);
    if (source !== undefined) return contentOf(ask, { source }, "hit");
    const bytes = (wanted.end ?? stat.size) - wanted.start;
    if (!this.#doubtful.mayAsk(ask.digest, bytes, stat.size)) return undefined;
    const answer = await this.#passRange(ask, wanted);
    return answer === undefined || isDenial(answer) ? undefined : answer;
  }
}
