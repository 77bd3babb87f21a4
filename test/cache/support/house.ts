import type { SharedCredential } from "../../../src/cache/access/standing.ts";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import type { CacheAnswer, Content } from "../../../src/cache/content.ts";
import { Usage } from "../../../src/cache/keeping/usage.ts";
import type { BlobAsk, ManifestAsk } from "../../../src/cache/pull-ask.ts";
import { type PullThroughOptions, pullParts } from "../../../src/cache/pull-parts.ts";
import { PullThrough } from "../../../src/cache/pull-through.ts";
import { Decision } from "../../../src/cache/why.ts";
import type { Bookkeeping } from "../../../src/download/bookkeeping.ts";
import { Downloads } from "../../../src/download/downloads.ts";
import { VerifyingReads } from "../../../src/download/verifying-reads.ts";
import { parseDigest } from "../../../src/protocol/digest.ts";
import { parseAccept } from "../../../src/protocol/media-type.ts";
import { parseReference, parseRepositoryName } from "../../../src/protocol/reference.ts";
import { canonicalRegistry, type Registry } from "../../../src/protocol/registry-name.ts";
import type { Access } from "../../../src/upstream/registry-client.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { TestClock } from "../../support/test-clock.ts";
import { Registries } from "./registries.ts";

/** Everything modern engines send. */
export const modern = [
  "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json, */*;q=0",
];

export const anonymous: Access = { kind: "anonymous" };
export const shared: Access = { kind: "shared" };
export const none: Access = { kind: "none" };
export const login = (name: string): Access => ({ kind: "client", authorization: name });

/** The whole policy on memory stores, before registries of the test's own. */
export class House {
  readonly upstream: Registries;
  readonly blobs: MemoryBlobStore;
  readonly records: MemoryRecordStore;
  readonly events: CacheEvent[] = [];
  readonly usage: Usage;
  readonly downloads: Downloads;
  readonly pulls: PullThrough;
  readonly timers = new TestClock();
  clock = Date.UTC(2030, 0, 1);
  credential: SharedCredential | undefined = { id: "operator", isRefused: false };

  constructor(options: Partial<PullThroughOptions> & { before?: House } = {}) {
    const { before, ...others } = options;
    this.upstream = before?.upstream ?? new Registries();
    this.blobs = before?.blobs ?? new MemoryBlobStore();
    this.records = before?.records ?? new MemoryRecordStore();
    this.clock = before?.clock ?? this.clock;
    const observe = (event: CacheEvent): void => {
      this.events.push(event);
    };
    const books: Bookkeeping = {
      stored: (blob) => this.pulls.stored(blob),
      gone: (digest) => this.pulls.gone(digest),
    };
    const now = (): number => this.clock;
    const { upstream: client, blobs, records } = this;
    this.usage = new Usage({ records, observe, now });
    this.downloads = new Downloads({ client: others.client ?? client, blobs, books, observe });
    const parts = pullParts({
      client,
      blobs,
      drafts: blobs,
      records,
      downloads: this.downloads,
      rechecks: new VerifyingReads({ blobs, books, observe }),
      usage: this.usage,
      books,
      observe,
      now,
      secret: Buffer.from("a secret of the test"),
      credentialOf: () => this.credential,
      tagTtl: 10_000,
      staleIfError: 86_400_000,
      clock: this.timers,
      ...others,
    });
    this.pulls = new PullThrough(parts);
  }

  /** Lets so many milliseconds pass. */
  later(milliseconds: number): void {
    this.clock += milliseconds;
  }

  /** Lets so many milliseconds pass, and what waited for them begin. */
  settle(milliseconds = 11_000): void {
    this.later(milliseconds);
    this.timers.pass(1_000);
  }

  /** `docker.io/library/alpine:3.20` or `docker.io/library/alpine@sha256:…` */
  manifest(image: string, change: Partial<ManifestAsk> = {}): Promise<CacheAnswer> {
    return this.pulls.manifest({ ...manifestAsk(image), ...change });
  }

  /** `docker.io/library/alpine@sha256:…` */
  blob(name: string, change: Partial<BlobAsk> = {}): Promise<CacheAnswer> {
    return this.pulls.blob({ ...blobAsk(name), ...change });
  }

  /** A whole pull: the manifest, and one blob of it to the end. */
  async pull(image: string, digest: string, change: Partial<ManifestAsk> = {}): Promise<string[]> {
    const { accept: _, reference: __, ...rest } = change;
    const where = image.slice(0, image.search(/[:@][^/]*$/));
    const manifest = await this.manifest(image, change);
    await bodyOf(manifest);
    const blob = await this.blob(`${where}@${digest}`, rest);
    await bodyOf(blob);
    return [manifest.outcome, blob.outcome];
  }

  async close(): Promise<void> {
    await this.pulls.close();
    await this.downloads.close();
    await this.usage.close();
  }
}

function ref(image: string): { registry: Registry; repository: ManifestAsk["repository"] } {
  const slash = image.indexOf("/");
  const name = canonicalRegistry(image.slice(0, slash));
  const repository = parseRepositoryName(image.slice(slash + 1));
  if (name === undefined || repository === undefined) throw new TypeError(image);
  return { registry: { name, scheme: "https" }, repository };
}

export function manifestAsk(image: string): ManifestAsk {
  const [, where = "", name = ""] = /^(.+?)[:@]((?:sha256:)?[^/:]+)$/.exec(image) ?? [];
  const reference = parseReference(name);
  if (reference === undefined) throw new TypeError(image);
  return {
    ...ref(where),
    reference,
    accept: parseAccept(modern),
    access: anonymous,
    isHead: false,
    noCache: false,
    isMirror: false,
    decision: new Decision(),
    signal: new AbortController().signal,
  };
}

export function blobAsk(name: string): BlobAsk {
  const [where = "", text = ""] = name.split("@");
  const digest = parseDigest(text);
  if (digest === undefined) throw new TypeError(name);
  return {
    ...ref(where),
    digest,
    range: undefined,
    access: anonymous,
    isHead: false,
    noCache: false,
    isMirror: false,
    decision: new Decision(),
    signal: new AbortController().signal,
  };
}

/** All the bytes of an answer, which is then closed. */
export async function bodyOf(answer: CacheAnswer): Promise<Buffer> {
  const pieces: Buffer[] = [];
  if (answer.kind === "passed") {
    for await (const piece of answer.response.body) pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
  }
  if (answer.kind === "elsewhere") throw new TypeError(`to be had at ${answer.location}`);
  const { signal } = new AbortController();
  try {
    for (let position = 0; ; ) {
      const buffer = Buffer.alloc(64 * 1024);
      const length = await answer.source.read(buffer, position, signal);
      if (length === 0) return Buffer.concat(pieces);
      pieces.push(buffer.subarray(0, length));
      position += length;
    }
  } finally {
    await answer.source.close();
  }
}

export function contentOf(answer: CacheAnswer): Content {
  if (answer.kind === "content") return answer;
  throw new TypeError(`no content: ${answer.kind}`);
}

/** The status a client would see. */
export async function statusOf(work: Promise<CacheAnswer>): Promise<number | string> {
  try {
    const answer = await work;
    if (answer.kind === "elsewhere") return 307;
    if (answer.kind === "passed") answer.response.body.destroy();
    else await answer.source.close();
    return answer.kind === "passed" ? answer.response.status : 200;
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
}
