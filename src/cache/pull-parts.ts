/** Puts the policy of a pull together from what the program gives it. */
import type { RepositoryName } from "../protocol/reference.ts";
import type { Registry } from "../protocol/registry-name.ts";
import type { BlobQuarantine, BlobStore } from "../store/blob-store.ts";
import type { RecordStore } from "../store/record-store.ts";
import type { RegistryClient } from "../upstream/registry-client.ts";
import { BlobPull } from "./blob-pull.ts";
import { Budgets } from "./budgets.ts";
import type { Observe } from "./cache-event.ts";
import { Holdings } from "./holdings.ts";
import { HotTags } from "./hot-tags.ts";
import { JustServed } from "./just-served.ts";
import { KeptBlobs, type Rechecking } from "./kept-blobs.ts";
import { ManifestPull } from "./manifest-pull.ts";
import { Manifests } from "./manifests.ts";
import { Negative } from "./negative.ts";
import { Proofs } from "./proofs.ts";
import type { Downloads } from "./single-flight.ts";
import { TagAsks } from "./tag-asks.ts";
import { TagPull } from "./tag-pull.ts";
import { TagResolver } from "./tag-resolver.ts";
import { TagRules, type TagRuleText } from "./tag-rules.ts";
import { Tags } from "./tags.ts";
import type { Usage } from "./usage.ts";
import { type SharedCredential, Visibility } from "./visibility.ts";

export type PullThroughOptions = {
  readonly client: RegistryClient;
  readonly blobs: BlobStore & BlobQuarantine;
  readonly records: RecordStore;
  readonly downloads: Pick<Downloads, "open" | "running" | "mayKeep">;
  readonly rechecks: Rechecking;
  readonly usage: Usage;
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
};

export type PullParts = ReturnType<typeof pullParts>;

export function pullParts(options: PullThroughOptions) {
  const { client, blobs, records, usage, observe, now } = options;
  const visibility = new Visibility(options);
  const isPublic = (place: string): Promise<boolean> => visibility.isPublic(place);
  const holdings = new Holdings({ records, observe, isPublic });
  const manifests = new Manifests({ blobs, records, usage, observe, now });
  const proofs = new Proofs({ client, visibility, now });
  const negative = new Negative({ now });
  const budgets = new Budgets(observe, now);
  const rules = new TagRules(options.tagRules ?? [], options.tagTtl);
  const tags = new Tags({ records, rules, budgets, observe, now });
  const asks = new TagAsks({ client, budgets, now });
  const resolver = new TagResolver({
    ...{ tags, asks, manifests, holdings, observe, now },
    speaksForAll: (place, access) => visibility.speaksForAll(place, access),
  });
  const hot = new HotTags({ tags, resolver, visibility });
  const kept = new KeptBlobs(options);
  const common = { client, blobs, visibility, proofs, holdings, manifests, negative };
  const { staleIfError, downloads } = options;
  return {
    visibility,
    holdings,
    manifests,
    justServed: new JustServed({ manifests, now }),
    proofs,
    negative,
    budgets,
    tags,
    resolver,
    hot,
    kept,
    blobPull: new BlobPull({ ...common, downloads, kept }),
    manifestPull: new ManifestPull(common),
    tagPull: new TagPull({ ...common, tags, resolver, hot, staleIfError, now }),
  };
}
