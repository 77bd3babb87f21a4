/**
 * Blobs: from the store for whom they may be, otherwise through the one download of the digest. A
 * range far ahead of it goes upstream on its own while the download runs behind.
 */

import type { ByteSource } from "../../download/byte-source.ts";
import type { Downloads, OpenedDownload } from "../../download/downloads.ts";
import type { Digest } from "../../protocol/digest.ts";
import { headerValue } from "../../protocol/http/header-list.ts";
import { firstByteOf } from "../../protocol/http/range.ts";
import { unlessAborted } from "../../runtime/flights.ts";
import type { Access, RegistryClient, RegistryResponse } from "../../upstream/registry-client.ts";
import { abortedBy } from "../../upstream/upstream-deadline.ts";
import { UpstreamRefusal } from "../../upstream/upstream-refusal.ts";
import type { AccessChecks } from "../access/access-checks.ts";
import type { Generations } from "../access/generations.ts";
import type { RepositoryBlobs } from "../access/repository-blobs.ts";
import type { Visibility } from "../access/visibility.ts";
import {
  askBlob,
  type BlobQuestion,
  confirmBlob,
  denialOf,
  type Given,
} from "../asking/blob-asks.ts";
import { type Denial, isExcuse } from "../asking/manifest-asks.ts";
import type { CacheAnswer, CacheOutcome, Content } from "../content.ts";
import type { KeptBlobs } from "../keeping/kept-blobs.ts";
import type { BlobAsk } from "../pull-ask.ts";
import { repositoryKey } from "../repository-ref.ts";
import { DownloadOrigins, type Entitlement } from "./download-origins.ts";
import { firstAllowed, isDenial, passDenial } from "./first-allowed.ts";
import type { NegativeCache } from "./negative-cache.ts";

export type BlobPullOptions = {
  readonly client: RegistryClient;
  readonly downloads: Pick<Downloads, "open" | "running" | "mayKeep">;
  readonly kept: KeptBlobs;
  readonly visibility: Visibility;
  readonly accessChecks: AccessChecks;
  readonly repositoryBlobs: RepositoryBlobs;
  readonly negative: NegativeCache;
  readonly generations: Generations;
  readonly now: () => number;
};

/** Bytes that a range may lie ahead of the download, or of a recheck, and still wait for it. */
const near = 8 * 1024 * 1024;
/** Until it was hashed again, a range of a larger blob does not wait for that. */
const longRecheck = 64 * 1024 * 1024;

type Opened = { readonly kind: "opened"; readonly download: OpenedDownload };

/** One ask's way into a download. It waits for another's answer once, not behind each refusal. */
type JoinAttempt = { readonly from: number; hasWaited: boolean };

type Stretch = { readonly start: number; readonly end: number | undefined };

export class BlobPull {
  readonly #options: BlobPullOptions;
  readonly #closing = new AbortController();
  readonly #origins: DownloadOrigins;

  constructor(options: BlobPullOptions) {
    this.#options = options;
    this.#origins = new DownloadOrigins(
      (digest) => options.downloads.running(digest) !== undefined,
    );
  }

  /** From the store, when this asker may have it. */
  async hit(ask: BlobAsk): Promise<CacheAnswer | undefined> {
    const { repositoryBlobs, accessChecks } = this.#options;
    if (!(await repositoryBlobs.holds(ask, ask.digest))) return undefined;
    if (!(await accessChecks.permits(ask, ask.digest, ask.signal))) return undefined;
    return this.#kept(ask);
  }

  /** The upstream lets this asker have what is kept; undefined when only its body will do. */
  async confirmed(ask: BlobAsk): Promise<CacheAnswer | undefined> {
    const { kept, repositoryBlobs, visibility, generations, now } = this.#options;
    const stat = await kept.stat(ask.digest);
    if (stat === undefined) return undefined;
    const said = { generation: generations.of(ask), at: now() };
    const { answer } = await this.#proven(ask, stat.size);
    if (answer.kind === "given")
      return (await repositoryBlobs.confirmed(ask, ask.digest, said)) ? this.#kept(ask) : undefined;
    if (answer.kind === "refused") return passDenial(answer);
    if (answer.kind === "missing") return undefined;
    const isHolder = await repositoryBlobs.holds(ask, ask.digest);
    const mayStand = isHolder && (await visibility.mayWhileUnreachable(ask, ask.digest));
    return (mayStand ? await this.#kept(ask) : undefined) ?? passDenial(answer);
  }

  /** From the registry asked. */
  async miss(ask: BlobAsk): Promise<CacheAnswer> {
    const { negative, visibility, generations } = this.#options;
    const variant = `${ask.digest}\n${visibility.accessKey(ask.access)}`;
    const known = negative.recall(repositoryKey(ask), variant);
    if (known !== undefined) return passDenial({ kind: "missing", answer: known }, "negative");
    const generation = generations.of(ask);
    const answer = await this.#fetched(ask);
    if (answer.kind === "missing" && generations.of(ask) === generation)
      negative.remember(repositoryKey(ask), variant, answer.answer);
    return isDenial(answer) ? passDenial(answer) : answer;
  }

  /** The generation of the repository when the download of the digest began with it. */
  generationOf(digest: Digest, repository: string): number | undefined {
    return this.#origins.generationOf(digest, repository);
  }

  /** Ends what goes on behind clients' backs. */
  close(): void {
    this.#closing.abort();
  }

  async #fetched(ask: BlobAsk): Promise<CacheAnswer | Denial> {
    if (ask.isHead) return this.#head(ask);
    const wanted = await this.#wanted(ask);
    const reached = this.#options.downloads.running(ask.digest)?.written ?? 0;
    if (wanted.start <= reached + near) return this.#download(ask, wanted.start);
    this.#startBehind(ask);
    return (await this.#passRange(ask, wanted)) ?? this.#download(ask, wanted.start);
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

  async #download(ask: BlobAsk, from: number): Promise<Content | Denial> {
    const { visibility } = this.#options;
    const attempt: JoinAttempt = { from, hasWaited: false };
    const { access, answer } = await firstAllowed<Opened>(
      visibility,
      ask,
      (own) => this.#open(ask, own, attempt),
      "expire",
    );
    if (isDenial(answer)) return answer;
    const { source, mediaType, isFirst } = answer.download;
    if (isFirst) visibility.grantBlob(ask, access, ask.digest);
    return content(ask, { source, mediaType }, isFirst ? "miss" : "collapsed");
  }

  async #open(ask: BlobAsk, access: Access, attempt: JoinAttempt): Promise<Opened | Denial> {
    const { registry, repository, digest, signal } = ask;
    const { visibility, generations } = this.#options;
    const generation = generations.of(ask);
    const asker = { ref: ask, accessKey: visibility.accessKey(access), generation };
    let entitlement = await this.#entitlement(ask);
    const answered = attempt.hasWaited ? undefined : this.#origins.firstAnswer(digest, asker);
    if (answered !== undefined) {
      attempt.hasWaited = true;
      await unlessAborted(answered, signal, abortedBy(registry.name));
      entitlement = await this.#entitlement(ask);
    }
    const { origin, mayShare } = this.#origins.enter(digest, asker, entitlement);
    const source = { registry, repository, digest, access, generation };
    const how = { from: attempt.from, isProven: mayShare, signal };
    let isFirst = false;
    try {
      const download = await this.#options.downloads.open({ ...source, ...how });
      isFirst = download.isFirst;
      return { kind: "opened", download };
    } catch (error) {
      if (error instanceof UpstreamRefusal) return denialOf(error.response);
      if (isExcuse(error)) return { kind: "unavailable", error };
      throw error;
    } finally {
      this.#origins.leave(origin, isFirst);
    }
  }

  /** Asks the registry only where its yes would spare it another download. */
  async #entitlement(ask: BlobAsk): Promise<Entitlement> {
    const { visibility, generations } = this.#options;
    const byRepository = await visibility.may(ask, ask.digest);
    const here = { ref: ask, generation: generations.of(ask) };
    if (!this.#origins.needsConfirmation(ask.digest, here, byRepository))
      return { byRepository, byConfirmation: false };
    const size = this.#options.downloads.running(ask.digest)?.size;
    return {
      byRepository,
      byConfirmation: (await this.#proven(ask, size)).answer.kind === "given",
    };
  }

  /** Behind the client's back; it goes on within the limits of a download nobody reads. */
  #startBehind(ask: BlobAsk): void {
    const { downloads } = this.#options;
    if (downloads.running(ask.digest) !== undefined || !downloads.mayKeep(ask.digest)) return;
    const later: BlobAsk = { ...ask, signal: this.#closing.signal };
    this.#download(later, 0)
      .then((answer) => (answer.kind === "content" ? answer.source.close() : undefined))
      .catch(() => undefined);
  }

  /** Undefined when the registry sends something else: all of it, unverified, is not for passing on. */
  async #passRange(ask: BlobAsk, range: Stretch): Promise<CacheAnswer | Denial | undefined> {
    const answer = await this.#asked(ask, { method: "GET", redirects: "blob", range });
    if (answer.kind !== "given") return answer;
    if (isPart(answer.response, range)) return passed(answer.response, ask);
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

  /** Whether the registry gives it to this asker. */
  async #proven(ask: BlobAsk, size: number | undefined) {
    const { client, visibility } = this.#options;
    const attempted = await firstAllowed<Given>(visibility, ask, (access) =>
      confirmBlob(client, { ...questionOf(ask), access }, size),
    );
    if (attempted.answer.kind !== "given") return attempted;
    attempted.answer.response.body.destroy();
    visibility.grantBlob(ask, attempted.access, ask.digest);
    return attempted;
  }

  async #kept(ask: BlobAsk): Promise<CacheAnswer | undefined> {
    const { kept } = this.#options;
    if (ask.range !== undefined) {
      const ranged = await this.#doubtfulRange(ask);
      if (ranged !== undefined) return ranged;
    }
    const source = await kept.open(ask.digest, (size) => firstByteOf(ask.range, size));
    if (source === undefined) return undefined;
    return content(ask, { source, mediaType: undefined }, "hit");
  }

  /** A range that would have to wait for a long recheck goes upstream, if it can; none that is near. */
  async #doubtfulRange(ask: BlobAsk): Promise<CacheAnswer | undefined> {
    const stat = await this.#options.kept.stat(ask.digest);
    if (stat === undefined || stat.isVerified || stat.size <= longRecheck) return undefined;
    const wanted = await this.#wanted(ask, stat.size);
    if (wanted.start <= near) return undefined;
    const answer = await this.#passRange(ask, wanted);
    return answer === undefined || isDenial(answer) ? undefined : answer;
  }
}

function questionOf(ask: BlobAsk) {
  const { registry, repository, digest, signal } = ask;
  return { registry, repository, digest, patience: "full", signal } as const;
}

/** The part that was asked for, or the answer that there is none. */
function isPart({ status, headers }: RegistryResponse, { start }: Stretch): boolean {
  const part = headerValue(headers, "content-range") ?? "";
  return status === 416 || (status === 206 && part.startsWith(`bytes ${start}-`));
}

function passed(response: RegistryResponse, ask: BlobAsk): CacheAnswer {
  const headers = new Map(response.headers).set("docker-content-digest", [ask.digest]);
  return { kind: "passed", response: { ...response, headers }, outcome: "bypass" };
}

function content(
  { digest }: BlobAsk,
  from: { readonly source: ByteSource; readonly mediaType: string | undefined },
  outcome: CacheOutcome,
): Content {
  return { kind: "content", digest, ...from, outcome, age: undefined, warning: undefined };
}
