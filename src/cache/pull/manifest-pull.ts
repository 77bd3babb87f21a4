/** Manifests by digest: from memory for whom they may be, otherwise fetched once and kept. */
import type { Digest } from "../../protocol/digest.ts";
import { resolveAccept } from "../../protocol/media-type.ts";
import { Flights, unlessAborted } from "../../runtime/flights.ts";
import type { Tracing } from "../../runtime/tracing.ts";
import type { Access, RegistryClient } from "../../upstream/registry-client.ts";
import { abortedBy } from "../../upstream/upstream-deadline.ts";
import type { AccessChecks } from "../access/access-checks.ts";
import type { RepositoryBlobs, SaidWhen } from "../access/repository-blobs.ts";
import type { Visibility } from "../access/visibility.ts";
import { mayWhileUnreachable } from "../access/while-unreachable.ts";
import {
  expectedDigest,
  getManifest,
  headManifest,
  type ManifestAnswer,
} from "../asking/manifest-asks.ts";
import { verifiedAnswer } from "../asking/manifest-body.ts";
import type { SmallAnswer } from "../asking/small-answer.ts";
import {
  type CacheAnswer,
  type CacheOutcome,
  type Content,
  contentOf,
  type Reuse,
} from "../content.ts";
import type { KeptManifest, Manifests } from "../keeping/manifests.ts";
import type { ManifestAsk } from "../pull-ask.ts";
import { type Generations, repositoryKey } from "../repository-ref.ts";
import { type Foreseen, keptIf, maySkipPush } from "../why.ts";
import { firstAllowed, isDenial, isRenewed, passDenial } from "./first-allowed.ts";
import { LengthSource, memorySource } from "./memory-source.ts";
import type { NegativeCache } from "./negative-cache.ts";

export type ManifestPullOptions = {
  readonly client: RegistryClient;
  readonly visibility: Visibility;
  readonly accessChecks: AccessChecks;
  readonly repositoryBlobs: RepositoryBlobs;
  readonly manifests: Manifests;
  readonly negative: NegativeCache;
  readonly generations: Generations;
  readonly now: () => number;
  readonly tracing?: Tracing | undefined;
};

/** An ask by digest. */
export type DigestAsk = ManifestAsk & { readonly digest: Digest };

type Fetching = { readonly accessKey: string; readonly work: Promise<ManifestAnswer> };

export class ManifestPull {
  readonly #options: ManifestPullOptions;
  readonly #flights: Flights<ManifestAnswer>;
  readonly #fetching = new Map<string, Fetching>();

  constructor(options: ManifestPullOptions) {
    this.#options = options;
    this.#flights = new Flights({ tracing: options.tracing, name: "fetch manifest" });
  }

  /** From memory or the store, when this asker may have it. */
  async hit(ask: DigestAsk): Promise<Content | undefined> {
    const foreseen = await this.foreseen(ask);
    ask.decision.because(foreseen);
    const isProven = foreseen.reason === "kept";
    if (!isProven && !(await isRenewed(this.#options.accessChecks, ask, foreseen)))
      return undefined;
    const manifest = await this.#kept(ask);
    if (manifest === undefined) return undefined;
    const hit = content(manifest, "hit", this.#options.manifests);
    return isProven ? { ...hit, reuse: await this.#reuse(ask) } : hit;
  }

  /** On what a pull of it is decided. */
  async foreseen(ask: DigestAsk): Promise<Foreseen> {
    const { repositoryBlobs, visibility } = this.#options;
    const isHeld = await repositoryBlobs.holds(ask, ask.digest);
    if ((await this.#kept(ask)) !== undefined)
      return keptIf(isHeld ? await visibility.opennessTo(ask, ask.digest) : undefined);
    return { reason: this.#missing(ask) === undefined ? "not kept" : "missing lately" };
  }

  /**
   * Asks upstream first; undefined when only its body will do. A HEAD of what is not kept is no exception:
   * containerd's is followed by a GET, and who verifies signatures asks the same again. A push has no use for it.
   */
  async confirmed(ask: DigestAsk): Promise<CacheAnswer | undefined> {
    const manifest = await this.#kept(ask);
    if (manifest === undefined && !maySkipPush(ask)) return undefined;
    const { visibility } = this.#options;
    const said = this.#asking(ask);
    const { access, answer } = await firstAllowed(visibility, ask, (own) => this.#head(ask, own));
    if (answer.kind === "refused") return passDenial(answer);
    if (answer.kind === "unavailable") return (await this.#standing(ask)) ?? passDenial(answer);
    if (answer.kind !== "found") return undefined;
    await this.#allowed(ask, access);
    if (
      manifest !== undefined &&
      (await this.#options.repositoryBlobs.confirmed(ask, ask.digest, { ...said, access }))
    )
      return content(manifest, "hit", this.#options.manifests);
    return ask.isHead ? headContent(ask, answer) : undefined;
  }

  /** From the registry asked. */
  async miss(ask: DigestAsk): Promise<CacheAnswer> {
    const { visibility, negative, client } = this.#options;
    const known = this.#missing(ask);
    if (known !== undefined) return passDenial({ kind: "missing", answer: known }, "negative");
    const { generation } = this.#asking(ask);
    let isFirst = false;
    const { access, answer } = await firstAllowed(visibility, ask, (own) => {
      isFirst = !this.#fetching.has(manifestKey(ask));
      return this.#get(ask, own);
    });
    if (answer.kind === "missing" && this.#options.generations.of(ask) === generation)
      negative.remember(ask, this.#variant(ask), answer.answer);
    if (isDenial(answer)) return passDenial(answer);
    // What is no manifest (a login page has status 200 too) says nothing about who may have one.
    if (answer.kind !== "bytes") return passThrough(client, ask, access);
    await this.#allowed(ask, access);
    return content(answer, isFirst ? "miss" : "collapsed", this.#options.manifests);
  }

  close(): Promise<void> {
    return this.#flights.close();
  }

  async #reuse(ask: DigestAsk): Promise<Reuse> {
    const { visibility, manifests } = this.#options;
    const { digest } = ask;
    const until = await visibility.openUntil(ask, digest);
    return { until, confirmedAt: undefined, again: () => manifests.used(digest) };
  }

  #variant({ digest, accept, access }: DigestAsk): string {
    return `${digest}\n${accept}\n${this.#options.visibility.accessKey(access)}`;
  }

  #missing(ask: DigestAsk): SmallAnswer | undefined {
    return this.#options.negative.recall(ask, this.#variant(ask));
  }

  #asking(ask: DigestAsk): SaidWhen & { readonly generation: number } {
    const { generations, now } = this.#options;
    return { generation: generations.of(ask), at: now() };
  }

  #kept(ask: DigestAsk): Promise<KeptManifest | undefined> {
    return this.#options.manifests.get(ask.digest, ask.registry.name);
  }

  async #allowed(ask: DigestAsk, access: Access): Promise<void> {
    await this.#options.visibility.grant(ask, access, ask.reference);
    this.#options.accessChecks.sighted(ask, access, ask.reference);
  }

  async #head(ask: DigestAsk, access: Access): Promise<ManifestAnswer> {
    const question = this.#question(ask, access, ask.signal);
    const answer = await headManifest(this.#options.client, question);
    return answer ?? { kind: "unkept", isManifest: false };
  }

  /** Who asks in another name than what is being fetched waits for it, if the registry lets him. */
  async #get(ask: DigestAsk, access: Access): Promise<ManifestAnswer> {
    const accessKey = this.#options.visibility.accessKey(access);
    const others = this.#fetching.get(manifestKey(ask));
    if (others === undefined || others.accessKey === accessKey)
      return this.#join(ask, access, accessKey);
    const answer = await this.#head(ask, access);
    if (isDenial(answer)) return answer;
    if (answer.kind !== "found") return this.#join(ask, access, accessKey);
    const theirs = await unlessAborted(others.work, ask.signal, abortedBy(ask.registry.name)).catch(
      () => undefined,
    );
    return theirs?.kind === "bytes" ? theirs : this.#join(ask, access, accessKey);
  }

  #join(ask: DigestAsk, access: Access, accessKey: string): Promise<ManifestAnswer> {
    const key = manifestKey(ask);
    const start = (signal: AbortSignal): Promise<ManifestAnswer> => {
      const work = this.#fetch(ask, access, signal);
      const fetching = { accessKey, work };
      if (!this.#fetching.has(key)) this.#fetching.set(key, fetching);
      return work.finally(() => {
        if (this.#fetching.get(key) === fetching) this.#fetching.delete(key);
      });
    };
    const work = this.#flights.joinUntil(ask.signal, `${key}\n${accessKey}`, start);
    return unlessAborted(work, ask.signal, abortedBy(ask.registry.name));
  }

  async #fetch(ask: DigestAsk, access: Access, signal: AbortSignal): Promise<ManifestAnswer> {
    const { client, manifests, repositoryBlobs } = this.#options;
    const { generation } = this.#asking(ask);
    const answer = await getManifest(client, this.#question(ask, access, signal));
    if (answer.kind !== "bytes") return answer;
    await manifests.keep(ask, answer);
    await repositoryBlobs.delivered(ask, ask.digest, { generation, access });
    return answer;
  }

  /** Types beyond the usual are in the client's own set. */
  #question(ask: DigestAsk, access: Access, signal: AbortSignal) {
    const { registry, repository, reference } = ask;
    const accept = `${resolveAccept}, ${ask.accept.replaceAll(",", ", ")}`;
    return { registry, repository, reference, access, accept, patience: "full", signal } as const;
  }

  /** While nobody can be asked, proofs made before stand, also those of what is public there. */
  async #standing(ask: DigestAsk): Promise<Content | undefined> {
    const { repositoryBlobs } = this.#options;
    const manifest = await this.#kept(ask);
    if (manifest === undefined) return undefined;
    const isTheirs = await mayWhileUnreachable(this.#options, ask, ask.digest);
    if (isTheirs) return content(manifest, "hit", this.#options.manifests);
    if (maySkipPush(ask) || !(await repositoryBlobs.isPublicAt(ask, ask.digest))) return undefined;
    return content(manifest, "hit", this.#options.manifests);
  }
}

/** What is not kept, straight from upstream; nothing of a wrong digest is ever complete. */
export async function passThrough(
  client: RegistryClient,
  ask: ManifestAsk,
  access: Access,
): Promise<CacheAnswer> {
  const { registry, repository, reference, accept, isHead, signal } = ask;
  const name = reference.kind === "tag" ? reference.tag : reference.digest;
  const response = await client.send({
    registry,
    method: isHead ? "HEAD" : "GET",
    target: `/v2/${repository}/manifests/${name}`,
    headers: new Map([
      ["accept", [accept.replaceAll(",", ", ")]],
      ["accept-encoding", ["identity"]],
    ]),
    access,
    redirects: "manifest",
    patience: "full",
    signal,
  });
  if (isHead || response.status !== 200) return { kind: "passed", response, outcome: "bypass" };
  const digest = expectedDigest(reference, response);
  const answer = await verifiedAnswer(response, digest, registry.name);
  return { kind: "passed", response: answer, outcome: "bypass" };
}

function manifestKey(ask: DigestAsk): string {
  return `${repositoryKey(ask)}@${ask.digest}`;
}

function content(manifest: KeptManifest, outcome: CacheOutcome, manifests: Manifests): Content {
  const { digest, mediaType } = manifest;
  const source = memorySource(manifest.bytes, () => manifests.bytesOf(digest));
  return contentOf(manifest, { source, mediaType }, outcome);
}

/** HEAD of what is not kept; undefined when the upstream does not say how long it is. */
function headContent(
  ask: DigestAsk,
  found: Extract<ManifestAnswer, { readonly kind: "found" }>,
): Content | undefined {
  if (found.size === undefined || found.digest !== ask.digest) return undefined;
  const { mediaType, size } = found;
  return contentOf(ask, { source: new LengthSource(size), mediaType }, "bypass");
}
