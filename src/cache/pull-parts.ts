/** Puts the policy of a pull together from what the program gives it. */

import type { Bookkeeping } from "../download/bookkeeping.ts";
import type { Downloads } from "../download/downloads.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import type { Registry } from "../protocol/registry-name.ts";
import { Allowance } from "../runtime/allowance.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { Generation } from "../runtime/generation.ts";
import type { Tracing } from "../runtime/tracing.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { BlobVerification } from "../store/blob-verification.ts";
import type { DraftStore } from "../store/draft-store.ts";
import type { RecordStore } from "../store/record-store.ts";
import type { RegistryClient } from "../upstream/registry-client.ts";
import { AccessChecks } from "./access/access-checks.ts";
import { RepositoryBlobs } from "./access/repository-blobs.ts";
import type { SharedCredential } from "./access/standing.ts";
import { Visibility } from "./access/visibility.ts";
import type { Observe } from "./cache-event.ts";
import type { ArchivedBlobs, ArchivedLinks } from "./keeping/archived-blobs.ts";
import { KeptBlobs, type Rechecking } from "./keeping/kept-blobs.ts";
import { Manifests } from "./keeping/manifests.ts";
import type { Usage } from "./keeping/usage.ts";
import { BlobPull } from "./pull/blob-pull.ts";
import { JustServed } from "./pull/just-served.ts";
import { ListPull } from "./pull/list-pull.ts";
import { ManifestPull } from "./pull/manifest-pull.ts";
import { NegativeCache } from "./pull/negative-cache.ts";
import { Settling } from "./pull/settling.ts";
import { TagPull } from "./pull/tag-pull.ts";
import { Writes } from "./pull/writes.ts";
import type { BlobAsk } from "./pull-ask.ts";
import { Generations } from "./repository-ref.ts";
import { TagRules, type TagRuleText } from "./tags/freshness.ts";
import { PullQuota } from "./tags/pull-quota.ts";
import { TagAsks } from "./tags/tag-asks.ts";
import { TagRefresh } from "./tags/tag-refresh.ts";
import { TagResolver } from "./tags/tag-resolver.ts";
import { Tags } from "./tags/tags.ts";

export type PullThroughOptions = {
  readonly client: RegistryClient;
  readonly blobs: BlobStore & BlobVerification;
  readonly drafts: DraftStore;
  readonly records: RecordStore;
  readonly downloads: Pick<Downloads, "open" | "running" | "mayKeep">;
  readonly rechecks: Rechecking;
  readonly archived?: ArchivedBlobs | undefined;
  /** Undefined where clients are never sent to the archive. */
  readonly links?: ArchivedLinks | undefined;
  readonly usage: Usage;
  readonly books: Bookkeeping;
  readonly observe: Observe;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Keys what is remembered of clients' Authorization fields. */
  readonly secret: Uint8Array;
  /** The operator's credential for a repository, if there is one. */
  readonly credentialOf: (
    registry: Registry,
    repository: RepositoryName,
  ) => SharedCredential | undefined;
  /** Milliseconds a tag is believed where no rule says otherwise. */
  readonly tagTtl: number;
  readonly tagRules?: readonly TagRuleText[];
  /** Milliseconds a tag stands in for an upstream that cannot say; Infinity when it is never asked. */
  readonly staleIfError: number;
  readonly clock?: Clock;
  /** Raised by whatever an answer given before may not outlive. */
  readonly generation?: Pick<Generation, "raise"> | undefined;
  /** How many records a client may add in a day; 50,000. */
  readonly newRecordsPerDay?: number;
  readonly tracing?: Tracing | undefined;
};

const day = 86_400_000;

export type PullParts = ReturnType<typeof pullParts>;

export function pullParts(options: PullThroughOptions) {
  const { client, blobs, drafts, records, usage, books, observe, now, tracing } = options;
  const { newRecordsPerDay: most = 50_000, generation = new Generation() } = options;
  const newRecords = new Allowance({ most, milliseconds: day, now });
  const visibility = new Visibility({ ...options, generation, newRecords });
  const generations = new Generations();
  const isPublic = (ref: string): Promise<boolean> => visibility.isPublic(ref);
  const repositoryBlobs = new RepositoryBlobs({
    ...{ records, newRecords, generation, observe, isPublic, generations, now },
  });
  const manifests = new Manifests({
    ...{ blobs, drafts, records, newRecords, usage, books, observe, now },
    archived: options.archived,
  });
  const accessChecks = new AccessChecks({ client, visibility, now, tracing });
  const negative = new NegativeCache({ now });
  const quota = new PullQuota(observe, now, generation);
  const rules = new TagRules(options.tagRules ?? [], options.tagTtl);
  const tags = new Tags({
    ...{ records, newRecords, generation, rules, quota, generations, observe, now },
  });
  const asks = new TagAsks({ client, quota, now });
  const resolver = new TagResolver({
    ...{ tags, asks, manifests, repositoryBlobs, observe, now, tracing },
    speaksForAll: (ref, access) => visibility.speaksForAll(ref, access),
  });
  const tagRefresh = new TagRefresh({ tags, resolver, visibility });
  const kept = new KeptBlobs(options);
  const common = {
    ...{ client, blobs, visibility, accessChecks, repositoryBlobs },
    ...{ manifests, negative, generations, now, tracing },
  };
  const { staleIfError, downloads, archived, links, clock = systemClock } = options;
  const blobPull = new BlobPull({ ...common, downloads, kept, archived, links });
  const bringIn = (ask: BlobAsk): void => blobPull.bringIn(ask);
  return {
    ...{ records, usage, credentialOf: options.credentialOf },
    visibility,
    generations,
    writes: new Writes({ generations, repositoryBlobs, tags, negative }),
    repositoryBlobs,
    manifests,
    justServed: new JustServed({ manifests, now }),
    accessChecks,
    negative,
    quota,
    tags,
    resolver,
    tagRefresh,
    kept,
    blobPull,
    settling: new Settling({ ...common, kept, bringIn, clock }),
    listPull: new ListPull({ visibility, generations, staleIfError, now }),
    manifestPull: new ManifestPull(common),
    tagPull: new TagPull({ ...common, tags, resolver, tagRefresh, staleIfError, now }),
  };
}
