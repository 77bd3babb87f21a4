/**
 * The hosted registry without its doors, over a folder and records of its own; the time is the test's. What
 * its clients do are methods here, as the handlers do it.
 */
import { randomBytes } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { LooseContent } from "../../src/app/compose/loose-content.ts";
import { Usage } from "../../src/cache/keeping/usage.ts";
import { Blobs } from "../../src/hosted/blobs.ts";
import { Catalogue } from "../../src/hosted/catalogue.ts";
import type { Contents } from "../../src/hosted/contents.ts";
import { type Collect, Collector } from "../../src/hosted/gc/collector.ts";
import type { HostedEvent } from "../../src/hosted/hosted-event.ts";
import { HostedManifests } from "../../src/hosted/manifests.ts";
import { Pulls } from "../../src/hosted/pulls.ts";
import { readPushed } from "../../src/hosted/pushed-manifest.ts";
import { Rights } from "../../src/hosted/rights.ts";
import type { HostedRule } from "../../src/hosted/rules.ts";
import type { Upload } from "../../src/hosted/upload.ts";
import { Uploads } from "../../src/hosted/uploads.ts";
import { type Digest, digestOf } from "../../src/protocol/digest.ts";
import { ociIndex, ociManifest } from "../../src/protocol/media-type.ts";
import {
  parseReference,
  parseRepositoryName,
  parseTag,
  type RepositoryName,
} from "../../src/protocol/reference.ts";
import { RegistryError } from "../../src/protocol/registry-error.ts";
import { type DataFolder, openDataFolder } from "../../src/store/disk/data-folder.ts";
import { DiskBlobStore } from "../../src/store/disk/disk-blob-store.ts";
import { Holds } from "../../src/store/holds.ts";
import type { PushedRecords } from "../../src/store/pushed-records.ts";
import { SqlitePushedRecords } from "../../src/store/sqlite/sqlite-pushed-records.ts";
import { MemoryRecordStore } from "../support/memory-record-store.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { TestClock } from "../support/test-clock.ts";

export const second = 1_000;
export const hour = 3_600 * second;
export const day = 24 * hour;

export type RigOptions = {
  readonly lease?: number;
  readonly rules?: readonly HostedRule[];
  readonly isSparse?: boolean;
  /** What lies between the registry and its records. */
  readonly around?: (records: PushedRecords) => PushedRecords;
};

export type Image = { readonly digest: Digest; readonly layer: Digest; readonly bytes: Buffer };

export const nothingUntagged = { isDry: false, untaggedAfter: undefined } satisfies Collect;
export const untaggedAtOnce = { isDry: false, untaggedAfter: 0 } satisfies Collect;

/** What a crash leaves open stays so: nothing of it may be collected, as files that nobody closed would be. */
const crashed: unknown[] = [];

export class HostedRig {
  readonly clock: TestClock;
  readonly path: string;
  readonly events: HostedEvent[] = [];
  /** What repositories elsewhere are known to hold. */
  readonly cached: Set<Digest>;
  readonly #options: RigOptions;
  #open: Open;

  static async open(options: RigOptions = {}): Promise<HostedRig> {
    const [path, clock, cached] = [await temporaryFolder(), new TestClock(), new Set<Digest>()];
    const rig = new HostedRig({ path, clock, cached, options }, await openParts(path));
    onTestFinished(() => rig.close());
    await rig.#begin();
    return rig;
  }

  private constructor(
    its: {
      readonly path: string;
      readonly clock: TestClock;
      readonly cached: Set<Digest>;
      readonly options: RigOptions;
    },
    open: Open,
  ) {
    this.path = its.path;
    this.clock = its.clock;
    this.cached = its.cached;
    this.#options = its.options;
    this.#open = open;
  }

  get records(): PushedRecords {
    return this.#open.records;
  }

  get catalogue(): Catalogue {
    return this.#running.catalogue;
  }

  get blobs(): Blobs {
    return this.#running.blobs;
  }

  get manifests(): HostedManifests {
    return this.#running.manifests;
  }

  get uploads(): Uploads {
    return this.#running.uploads;
  }

  get collector(): Collector {
    return this.#running.collector;
  }

  get usage(): Usage {
    return this.#running.usage;
  }

  get store(): DiskBlobStore {
    return this.#open.store;
  }

  get holds(): Holds {
    return this.#open.holds;
  }

  #started: Running | undefined;

  get #running(): Running {
    if (this.#started === undefined) throw new Error("the rig is closed");
    return this.#started;
  }

  pass(milliseconds: number): void {
    this.clock.time += milliseconds;
  }

  /** As a start after a stop, or after a crash, with what the disk has. */
  async restart({ isCrash = false } = {}): Promise<void> {
    await this.#end(isCrash);
    this.#open = await openParts(this.path);
    await this.#begin();
  }

  async close(): Promise<void> {
    await this.#end(true);
  }

  async pushBlob(repository: string, bytes: Buffer): Promise<Digest> {
    const digest = digestOf(bytes);
    const upload = await this.beginUpload(repository);
    await this.uploads.append(upload, chunks(bytes));
    await this.uploads.finish(upload, digest);
    return digest;
  }

  beginUpload(repository: string): Promise<Upload> {
    return this.uploads.begin({ repository: nameOf(repository), owner: "", client: "127.0.0.1" });
  }

  /** Its layer and the manifest, under a tag or by digest alone. */
  async push(
    repository: string,
    tag: string | undefined,
    { layer = randomBytes(1_000), ...more }: ImageParts = {},
  ): Promise<Image> {
    const config = await this.pushBlob(repository, Buffer.from("{}"));
    const digest = await this.pushBlob(repository, layer);
    const image = await this.pushManifest(repository, tag, imageOf(config, digest, layer, more));
    return { ...image, layer: digest };
  }

  async pushIndex(repository: string, tag: string | undefined, children: readonly Digest[]) {
    const manifests = children.map((digest) => ({ mediaType: ociManifest, digest, size: 100 }));
    return await this.pushManifest(repository, tag, {
      ...{ schemaVersion: 2, mediaType: ociIndex, manifests },
      annotations: { salt: randomBytes(8).toString("hex") },
    });
  }

  async pushManifest(repository: string, tag: string | undefined, document: Document) {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = digestOf(bytes);
    const reference = parseReference(tag ?? digest) ?? fail(`no tag: ${tag}`);
    const tags = tag === undefined ? [] : [parseTag(tag) ?? fail(`no tag: ${tag}`)];
    const manifest = readPushed(bytes, document.mediaType, reference);
    await this.manifests.put(nameOf(repository), manifest, tags);
    return { digest, bytes };
  }

  delete(repository: string, reference: string): Promise<Digest> {
    const parsed = parseReference(reference) ?? fail(`no reference: ${reference}`);
    return this.manifests.delete(nameOf(repository), parsed);
  }

  /** The manifest and every byte of it, as an engine fetches it. */
  async pull(repository: string, reference: string): Promise<void> {
    const parsed = parseReference(reference) ?? fail(`no reference: ${reference}`);
    const { bytes } = await this.manifests.pull(nameOf(repository), parsed, false);
    await this.fetchAll(repository, bytes);
  }

  async fetchAll(repository: string, bytes: Uint8Array): Promise<void> {
    const document = JSON.parse(Buffer.from(bytes).toString()) as Document;
    for (const { digest } of document.manifests ?? []) await this.pull(repository, digest);
    const blobs = [...(document.layers ?? []), ...(document.config ? [document.config] : [])];
    for (const { digest } of blobs) await this.read(repository, digest);
  }

  /** Throws what the client would be told. */
  async read(repository: string, digest: Digest): Promise<void> {
    const source = await this.blobs.open(nameOf(repository), digest);
    await source.close();
  }

  /** As HEAD by one who may push. */
  head(repository: string, digest: Digest): Promise<number> {
    return this.blobs.sizeOf(nameOf(repository), digest, true);
  }

  /** Whether a pull of it all would go well; `undefined` is a tag or manifest that is not there. */
  async isWhole(repository: string, reference: string): Promise<boolean | undefined> {
    try {
      await this.pull(repository, reference);
      return true;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      return error.code === "MANIFEST_UNKNOWN" ? undefined : false;
    }
  }

  collect(ask: Collect = nothingUntagged) {
    return this.collector.collect(ask);
  }

  /** Bytes of everything in `blobs/`. */
  async bytesOnDisk(): Promise<number> {
    const folder = join(this.path, "blobs");
    let bytes = 0;
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
    }
    return bytes;
  }

  async #begin(): Promise<void> {
    const { records, store, holds } = this.#open;
    const { clock } = this;
    const { lease = hour, rules = [], isSparse = false } = this.#options;
    const around = this.#options.around?.(records) ?? records;
    const catalogue = await Catalogue.load(around, holds);
    const usage = new Usage({
      ...{ records: new MemoryRecordStore(), observe: () => undefined, now: clock.now },
      isHeld: (digest) => holds.isHeld(digest),
    });
    const loose = new LooseContent({
      ...{ blobs: store, holds, usage, books: { gone: (digest) => usage.removed(digest) } },
      isCached: async (digest) => this.cached.has(digest),
    });
    holds.watch(loose.watcher);
    const contents = contentsOf(store);
    const settings = { isAnonymousPull: true, isAnonymousPush: true, isReadOnly: false, rules };
    const rights = new Rights(settings);
    const limitIn = () => ({
      bytes: Number.POSITIVE_INFINITY,
      refusal: () => new RegistryError("DENIED", "never"),
    });
    const files = await store.uploads();
    const room = { taken: () => undefined, missing: () => undefined };
    const uploads = await Uploads.open({ files, catalogue, limitIn, room, clock, lease });
    const pulls = new Pulls({ catalogue, clock, lease, onFailure: () => undefined });
    const letMove: Rights["letMove"] = (repository, tag) => rights.letMove(repository, tag);
    this.#started = {
      ...{ catalogue, uploads, usage, pulls },
      blobs: new Blobs({ catalogue, contents, limitIn, clock, lease }),
      manifests: new HostedManifests({
        ...{ catalogue, contents, files, pulls, letMove, isSparse, clock, lease },
      }),
      collector: new Collector({
        ...{ catalogue, bytes: loose, pulls, clock, lease },
        sessionsOf: (repository) => uploads.sessionsOf(repository),
        keeping: (repository) => rights.keeping(repository),
        observe: (event) => void this.events.push(event),
      }),
    };
  }

  async #end(isCrash: boolean): Promise<void> {
    if (!isCrash) {
      await this.#running.uploads.close();
      await this.#running.pulls.close();
    } else crashed.push(this.#started);
    this.#started = undefined;
    const { records, store, folder } = this.#open;
    await records.close();
    if (!isCrash) await store.close();
    folder.close();
  }
}

type Open = {
  readonly folder: DataFolder;
  readonly holds: Holds;
  readonly store: DiskBlobStore;
  readonly records: PushedRecords;
};

type Running = {
  readonly catalogue: Catalogue;
  readonly uploads: Uploads;
  readonly usage: Usage;
  readonly pulls: Pulls;
  readonly blobs: Blobs;
  readonly manifests: HostedManifests;
  readonly collector: Collector;
};

type Described = Readonly<Record<string, unknown>> & { readonly digest: Digest };

export type Document = Readonly<Record<string, unknown>> & {
  readonly mediaType: string;
  readonly manifests?: readonly Described[];
  readonly layers?: readonly Described[];
  readonly config?: Described;
};

type ImageParts = { readonly layer?: Buffer; readonly subject?: unknown };

export function imageOf(config: Digest, layer: Digest, bytes: Buffer, more: object): Document {
  return {
    ...{ schemaVersion: 2, mediaType: ociManifest },
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config, size: 2 },
    layers: [
      { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: layer, size: bytes.length },
    ],
    ...more,
  };
}

/** A descriptor, as `subject` has it. */
export function about(digest: Digest) {
  return { mediaType: ociManifest, digest, size: 100 };
}

export function nameOf(text: string): RepositoryName {
  return parseRepositoryName(text) ?? fail(`no repository: ${text}`);
}

async function openParts(path: string): Promise<Open> {
  const folder = await openDataFolder(path);
  const holds = new Holds();
  const store = await DiskBlobStore.open(folder, { holds });
  const records = await SqlitePushedRecords.open(join(path, "hosted.sqlite"));
  return { folder, holds, store, records };
}

function contentsOf(store: DiskBlobStore): Contents {
  return {
    sizeOf: async (digest) => (await store.stat(digest))?.size,
    open: (digest) => store.open(digest),
    condemn: async () => undefined,
  };
}

async function* chunks(bytes: Buffer): AsyncIterable<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

function fail(why: string): never {
  throw new Error(why);
}
