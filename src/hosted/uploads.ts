/**
 * All uploads under way, each bound to its repository and to who began it. Idle ones end after a day,
 * those without a byte after ten minutes; a clean stop keeps them for the next start, a crash does not.
 */
import { randomUUID } from "node:crypto";
import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import type { Clock } from "../runtime/clock.ts";
import { inBackground } from "../runtime/in-background.ts";
import type { BlobDraft } from "../store/draft-store.ts";
import { StoreError } from "../store/store-error.ts";
import type { UploadFiles } from "../store/upload-files.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Session } from "./gc/policy.ts";
import { isLong, type Leased, leasedUntil, newLease } from "./leases.ts";
import type { ContentChange, UploadChange } from "./pushed.ts";
import type { BlobLimit } from "./rights.ts";
import { Upload, unknownUpload } from "./upload.ts";
import { UploadPlaces } from "./upload-places.ts";

/** The room that pushed bytes take may be missing elsewhere. */
export interface Room {
  taken(): void;
  missing(error: StoreError): void;
}

export type UploadsParts = {
  readonly files: UploadFiles;
  readonly catalogue: Catalogue;
  /** What one more blob of a repository may have. */
  readonly limitIn: (repository: RepositoryName) => BlobLimit;
  readonly room: Room;
  readonly clock: Clock;
  /** HOSTED_LEASE, in milliseconds. */
  readonly lease: number;
  /** How many files may be open for uploads. */
  readonly most?: number | undefined;
};

export type UploadOwner = { readonly repository: RepositoryName; readonly owner: string };

type NewUpload = UploadOwner & {
  /** Whose uploads are counted together: a login's, or an address's that has none. */
  readonly client: string;
};

const life = 24 * 3_600_000;
/** Of one that costs nothing to begin anew. */
const emptyLife = 600_000;
const sweepInterval = 60_000;

export class Uploads {
  readonly #parts: UploadsParts;
  readonly #uploads = new Map<string, Upload>();
  readonly #places: UploadPlaces;
  /** Whose files are being made. */
  readonly #beginning = new Set<NewUpload>();
  #cancelSweep: (() => void) | undefined;

  /** Takes up what a clean stop left. Throws StoreError. */
  static async open(parts: UploadsParts): Promise<Uploads> {
    const uploads = new Uploads(parts);
    await uploads.#takeUp();
    uploads.#sweepLater();
    return uploads;
  }

  private constructor(parts: UploadsParts) {
    this.#parts = parts;
    this.#places = new UploadPlaces(parts.most);
  }

  get count(): number {
    return this.#uploads.size;
  }

  /** When there are too many it takes the place of another, or throws RegistryError TOOMANYREQUESTS. Throws StoreError. */
  async begin(its: NewUpload): Promise<Upload> {
    const open = { uploads: [...this.#uploads.values()], beginning: [...this.#beginning] };
    const leaving = this.#places.leaving(open, its.client);
    const id = randomUUID();
    this.#beginning.add(its);
    try {
      if (leaving !== undefined) await this.cancel(leaving);
      return this.#add(id, its, await this.#parts.files.create(id));
    } catch (error) {
      throw this.#told(error);
    } finally {
      this.#beginning.delete(its);
    }
  }

  /** Throws RegistryError BLOB_UPLOAD_UNKNOWN when there is none, or it is somebody else's. */
  find(id: string, { repository, owner }: UploadOwner): Upload {
    const upload = this.#uploads.get(id);
    const isTheirs = upload?.repository === repository && upload.owner === owner;
    if (upload === undefined || !isTheirs || upload.isOver) throw unknownUpload();
    return upload;
  }

  /** Throws as Upload.append does. */
  async append(upload: Upload, body: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await upload.append(body, () => this.#parts.room.taken());
    } catch (error) {
      throw this.#told(error);
    }
  }

  /** Makes the bytes a blob of the repository. Throws as Upload.finish does; the upload is over either way. */
  async finish(upload: Upload, digest: Digest): Promise<void> {
    const { catalogue, room, clock, limitIn } = this.#parts;
    const { repository } = upload;
    try {
      await catalogue.holding(digest, () =>
        upload.finish(digest, {
          arriving: () => catalogue.arriving(digest),
          link: (size) =>
            catalogue.inTurn(repository, () => {
              const isThere = catalogue.repository(repository)?.blobs.has(digest) === true;
              const limit = limitIn(repository);
              if (!isThere && size > limit.bytes) return Promise.reject(limit.refusal());
              const link = { size, ...newLease(clock.now()) };
              const others = this.#waiting(upload, digest);
              return catalogue.write([{ kind: "blob", repository, digest, link }, ...others]);
            }),
        }),
      );
    } catch (error) {
      throw this.#told(error);
    } finally {
      if (upload.isOver) this.#uploads.delete(upload.id);
      room.taken();
    }
  }

  /** Those under way in this repository. */
  sessionsOf(repository: RepositoryName): readonly Session[] {
    return [...this.#uploads.values()]
      .filter((upload) => upload.repository === repository)
      .map(({ beganAt, usedAt }) => ({ beganAt, usedAt }));
  }

  async cancel(upload: Upload): Promise<void> {
    this.#uploads.delete(upload.id);
    await upload.cancel();
  }

  /** Keeps every upload for the next start. Throws StoreError. */
  async close(): Promise<void> {
    this.#cancelSweep?.();
    const kept: UploadChange[] = [];
    for (const upload of this.#uploads.values()) {
      const { id, repository, owner, written: size, usedAt, beganAt } = upload;
      await upload.park();
      kept.push({ kind: "upload", id, link: { repository, owner, size, usedAt, beganAt } });
    }
    this.#uploads.clear();
    await this.#parts.catalogue.write(kept);
  }

  /** Ends those that nobody has used for as long as they live. */
  async sweep(): Promise<void> {
    for (const upload of [...this.#uploads.values()]) {
      if (upload.idle > lifeOf(upload.written)) await this.cancel(upload);
    }
  }

  /** A disk that fails is told of where room is made. */
  #told(error: unknown): unknown {
    const isDisk = error instanceof StoreError && !["RECORDS", "ARCHIVE"].includes(error.code);
    if (isDisk) this.#parts.room.missing(error);
    return error;
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#parts.clock.after(sweepInterval, () => {
      // Nothing of it can fail: a file that stays is swept at the next start.
      inBackground(this.sweep(), () => undefined);
      this.#sweepLater();
    });
  }

  async #takeUp(): Promise<void> {
    const { files, catalogue, clock } = this.#parts;
    const kept = [...catalogue.keptUploads()];
    for (const [id, { repository, owner, size, usedAt, beganAt }] of kept) {
      if (clock.now() - usedAt > lifeOf(size)) continue;
      const draft = await files.takeUp(id, size);
      if (draft !== undefined) this.#add(id, { repository, owner, client: owner }, draft, beganAt);
    }
    await files.sweep();
    // From now on a crash ends them.
    await catalogue.write(kept.map(([id]) => ({ kind: "upload", id, link: undefined })));
  }

  /**
   * What the same push was told to be here when this upload began waits for its manifest still, however
   * long the upload took.
   */
  #waiting({ repository, beganAt }: Upload, own: Digest): ContentChange[] {
    const { catalogue, clock, lease } = this.#parts;
    const its = catalogue.repository(repository);
    const answeredAt = clock.now();
    if (its === undefined || !isLong(answeredAt - beganAt, lease)) return [];
    const blobs = [...its.blobs].filter(([digest]) => digest !== own);
    const waits = (link: Leased): boolean =>
      link.answeredAt > link.namedAt && leasedUntil(link, lease) > beganAt;
    return [
      ...blobs.flatMap(([digest, link]): ContentChange[] =>
        waits(link) ? [{ kind: "blob", repository, digest, link: { ...link, answeredAt } }] : [],
      ),
      ...[...its.manifests].flatMap(([digest, link]): ContentChange[] =>
        waits(link)
          ? [{ kind: "manifest", repository, digest, link: { ...link, answeredAt } }]
          : [],
      ),
    ];
  }

  #add(id: string, its: NewUpload, draft: BlobDraft, beganAt?: number): Upload {
    const { clock, limitIn } = this.#parts;
    const limit = () => limitIn(its.repository);
    const upload = new Upload({ id, ...its, draft, clock, limit, beganAt });
    this.#uploads.set(id, upload);
    return upload;
  }
}

function lifeOf(size: number): number {
  return size === 0 ? emptyLife : life;
}
