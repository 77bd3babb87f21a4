/**
 * Ways into the one download of a blob: in whose name it is asked for, who may share what others
 * came for, and the download that begins behind a client's back.
 */

import type { ByteSource } from "../../download/byte-source.ts";
import type { Downloads, OpenedDownload } from "../../download/downloads.ts";
import type { Digest } from "../../protocol/digest.ts";
import { headerValue } from "../../protocol/http/header-list.ts";
import { unlessAborted } from "../../runtime/flights.ts";
import type { Access, RegistryClient, RegistryResponse } from "../../upstream/registry-client.ts";
import { abortedBy } from "../../upstream/upstream-deadline.ts";
import { UpstreamRefusal } from "../../upstream/upstream-refusal.ts";
import type { Visibility } from "../access/visibility.ts";
import { confirmBlob, denialOf, type Given } from "../asking/blob-asks.ts";
import { type Denial, isExcuse } from "../asking/small-answer.ts";
import { type CacheAnswer, type Content, contentOf } from "../content.ts";
import type { BlobAsk } from "../pull-ask.ts";
import type { Generations, RepositoryRef } from "../repository-ref.ts";
import { Decision } from "../why.ts";
import { DownloadOrigins, type Entitlement, type OriginPlace } from "./download-origins.ts";
import { type Attempted, firstAllowed, isDenial } from "./first-allowed.ts";

export type BlobDownloadsOptions = {
  readonly client: RegistryClient;
  readonly downloads: Pick<Downloads, "open" | "running" | "mayKeep">;
  readonly visibility: Visibility;
  readonly generations: Generations;
};

type Opened = { readonly kind: "opened"; readonly download: OpenedDownload };

/** What a client wants of a blob; without an end, all there is. */
export type Stretch = { readonly start: number; readonly end: number | undefined };

/** One ask's way into a download. It waits for another's answer once, not behind each refusal. */
type JoinAttempt = { readonly wanted: Stretch; hasWaited: boolean };

export class BlobDownloads {
  readonly #options: BlobDownloadsOptions;
  readonly #closing = new AbortController();
  readonly #origins: DownloadOrigins;

  constructor(options: BlobDownloadsOptions) {
    this.#options = options;
    this.#origins = new DownloadOrigins(
      (digest) => options.downloads.running(digest) !== undefined,
    );
  }

  /** What is wanted of the blob, by a download that is under way or a new one. */
  async open(ask: BlobAsk, wanted: Stretch): Promise<Content | Denial> {
    const { visibility } = this.#options;
    const attempt: JoinAttempt = { wanted, hasWaited: false };
    const { access, answer } = await firstAllowed<Opened>(
      visibility,
      ask,
      (own) => this.#enter(ask, own, attempt),
      "expire",
    );
    if (isDenial(answer)) return answer;
    const { source, mediaType, isFirst } = answer.download;
    if (isFirst) visibility.grantBlob(ask, access, ask.digest);
    return contentOf(ask, { source, mediaType }, isFirst ? "miss" : "collapsed");
  }

  /** For who may have it; undefined where it cannot be had from there, nor from the registry. */
  async fromArchive(ask: BlobAsk, { start, end }: Stretch): Promise<ByteSource | undefined> {
    const { registry, repository, digest, signal } = ask;
    const { downloads, visibility, generations } = this.#options;
    const [access = ask.access] = await visibility.accesses(ask);
    const source = { registry, repository, digest, access, generation: generations.of(ask) };
    try {
      const how = { from: start, to: end, archive: "first", signal } as const;
      return (await downloads.open({ ...source, ...how })).source;
    } catch (error) {
      if (error instanceof UpstreamRefusal || isExcuse(error)) return undefined;
      throw error;
    }
  }

  /** Behind the client's back; it goes on within the limits of a download nobody reads. */
  startBehind(ask: BlobAsk): void {
    const { downloads } = this.#options;
    if (downloads.running(ask.digest) !== undefined || !downloads.mayKeep(ask.digest)) return;
    const decision = new Decision();
    const later: BlobAsk = { ...ask, decision, signal: this.#closing.signal };
    this.open(later, { start: 0, end: undefined })
      .then((answer) => (answer.kind === "content" ? answer.source.close() : undefined))
      .catch(() => undefined);
  }

  /** The repository as it was when the download of the digest began with it. */
  beganWith(digest: Digest, ref: RepositoryRef): OriginPlace | undefined {
    return this.#origins.beganWith(digest, ref);
  }

  close(): void {
    this.#closing.abort();
  }

  async #enter(ask: BlobAsk, access: Access, attempt: JoinAttempt): Promise<Opened | Denial> {
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
    const { start: from, end: to } = attempt.wanted;
    const how = { from, to, isProven: mayShare, signal };
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
      byConfirmation: (await provenBlob(this.#options, ask, size)).answer.kind === "given",
    };
  }
}

/** Whether the registry gives the blob to this asker, who is then known to be let in. */
export async function provenBlob(
  { client, visibility }: Pick<BlobDownloadsOptions, "client" | "visibility">,
  ask: BlobAsk,
  size: number | undefined,
  patience: "full" | "brief" = "full",
): Promise<Attempted<Given>> {
  const attempted = await firstAllowed<Given>(visibility, ask, (access) =>
    confirmBlob(client, { ...questionOf(ask), access, patience }, size),
  );
  if (attempted.answer.kind !== "given") return attempted;
  attempted.answer.response.body.destroy();
  visibility.grantBlob(ask, attempted.access, ask.digest);
  return attempted;
}

export function questionOf(ask: BlobAsk) {
  const { registry, repository, digest, signal } = ask;
  return { registry, repository, digest, patience: "full", signal } as const;
}

/** The part that was asked for, or the answer that there is none. */
export function isPartAsked({ status, headers }: RegistryResponse, { start }: Stretch): boolean {
  const part = headerValue(headers, "content-range") ?? "";
  return status === 416 || (status === 206 && part.startsWith(`bytes ${start}-`));
}

/** What is passed on as it comes. */
export function passed(response: RegistryResponse, ask: BlobAsk): CacheAnswer {
  const headers = new Map(response.headers).set("docker-content-digest", [ask.digest]);
  return { kind: "passed", response: { ...response, headers }, outcome: "bypass" };
}
