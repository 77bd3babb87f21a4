/**
 * The archive in a bucket of S3, or of what speaks like it (MinIO, Ceph, Garage). What a blob is called is
 * its digest, and nothing is concluded from an ETag. The library is loaded when an archive is opened:
 * nobody else pays for it.
 */
import type { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import type { Digest } from "../../protocol/digest.ts";
import { parseContentRange, printRange } from "../../protocol/http/range.ts";
import type {
  Archive,
  ArchivedBlob,
  ArchivedBytes,
  ArchivedStat,
  ArchiveRange,
  ToArchive,
} from "../archive.ts";
import { StoreError } from "../store-error.ts";
import { largestWhole, type ObjectPart, sendParts, stretchOf } from "./parts.ts";
import { presigned } from "./presigned.ts";
import { configOf, type S3Server } from "./s3-client.ts";
import { archiveFailure, isMissing } from "./s3-failure.ts";
import { S3Keys } from "./s3-keys.ts";
import { type Marker, unfinished } from "./unfinished.ts";

type Library = typeof import("@aws-sdk/client-s3");

export type S3ArchiveOptions = S3Server & { readonly bucket: string; readonly prefix: string };

/** The name of what is said of a blob, as metadata of its object. */
const originField = "entrepot-origin";
/** Seconds within which what a link leads to has to be asked for. */
const linkLife = 600;
/** Milliseconds that cleaning up behind a failed put may take. */
const patience = 10_000;

export class S3Archive implements Archive {
  readonly identity: string;
  readonly #library: Library;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #keys: S3Keys;
  /** Uploads of ours that are under way. */
  readonly #uploads = new Set<string>();
  readonly #life: AbortController;

  /** Asks nobody yet. */
  static async open(options: S3ArchiveOptions): Promise<S3Archive> {
    return new S3Archive(options, await import("@aws-sdk/client-s3"));
  }

  private constructor(options: S3ArchiveOptions, library: Library) {
    const { bucket, prefix, endpoint } = options;
    this.identity = `s3://${bucket}/${prefix}${endpoint === undefined ? "" : ` at ${endpoint}`}`;
    this.#library = library;
    this.#bucket = bucket;
    this.#keys = new S3Keys(prefix);
    this.#life = new AbortController();
    this.#client = new library.S3Client(configOf(options, this.#life.signal));
  }

  async put(blob: ToArchive, signal: AbortSignal): Promise<void> {
    const what = `put ${blob.digest}`;
    if (blob.size > largestWhole)
      return await this.#tried(what, () => this.#putParts(blob, signal));
    const { PutObjectCommand } = this.#library;
    await this.#tried(what, () =>
      this.#client.send(
        new PutObjectCommand({
          ...{ ...this.#at(blob.digest), ContentLength: blob.size, ...about(blob) },
          Body: blob.size === 0 ? "" : stretchOf(blob, { start: 0, end: blob.size }),
        }),
        { abortSignal: signal },
      ),
    );
  }

  async stat(digest: Digest, signal: AbortSignal): Promise<ArchivedStat | undefined> {
    const { HeadObjectCommand } = this.#library;
    return await this.#tried(`look at ${digest}`, async () => {
      const command = new HeadObjectCommand(this.#at(digest));
      const head = await this.#client.send(command, { abortSignal: signal }).catch(ifMissing);
      if (head === undefined) return undefined;
      return { size: head.ContentLength ?? 0, origin: head.Metadata?.[originField] };
    });
  }

  async open(
    digest: Digest,
    { start, end }: ArchiveRange,
    signal: AbortSignal,
  ): Promise<ArchivedBytes | undefined> {
    const what = `open ${digest}`;
    const { GetObjectCommand } = this.#library;
    const isWhole = start === 0 && end === undefined;
    return await this.#tried(what, async () => {
      const range = isWhole ? {} : { Range: printRange(start, end) };
      const command = new GetObjectCommand({ ...this.#at(digest), ...range });
      const got = await this.#client.send(command, { abortSignal: signal }).catch(ifMissing);
      if (got === undefined) return undefined;
      const body = got.Body as Readable;
      const whole = { start: 0, size: got.ContentLength };
      const found = isWhole ? whole : parseContentRange(got.ContentRange ?? "");
      if (found?.size !== undefined && found.start === start)
        return this.#bytes(found.size, body, what);
      body.destroy();
      throw new StoreError("ARCHIVE", `the archive ${this.identity} makes nothing of ranges`);
    });
  }

  async linkTo(digest: Digest): Promise<string> {
    const { GetObjectCommand } = this.#library;
    const command = new GetObjectCommand(this.#at(digest));
    return await this.#tried(`sign for ${digest}`, () =>
      presigned(this.#client, command, linkLife),
    );
  }

  async delete(digest: Digest, signal: AbortSignal): Promise<void> {
    const { DeleteObjectCommand } = this.#library;
    await this.#tried(`delete ${digest}`, () =>
      this.#client
        .send(new DeleteObjectCommand(this.#at(digest)), { abortSignal: signal })
        .catch(ifMissing),
    );
  }

  async *list(signal: AbortSignal): AsyncIterable<ArchivedBlob> {
    const { ListObjectsV2Command } = this.#library;
    const all = { Bucket: this.#bucket, Prefix: this.#keys.root };
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({ ...all, ContinuationToken: token });
      const page = await this.#tried("list what it has", () =>
        this.#client.send(command, { abortSignal: signal }),
      );
      for (const { Key = "", Size: size = 0 } of page.Contents ?? []) {
        const digest = this.#keys.digestOf(Key);
        if (digest !== undefined) yield { digest, size };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async dropUnfinished(before: number, signal: AbortSignal): Promise<number> {
    const { ListMultipartUploadsCommand } = this.#library;
    const all = { Bucket: this.#bucket, Prefix: this.#keys.root };
    const pageAt = (marker: Marker) =>
      this.#tried("list unfinished puts", () =>
        this.#client.send(new ListMultipartUploadsCommand({ ...all, ...marker }), {
          abortSignal: signal,
        }),
      );
    let dropped = 0;
    for await (const { key, uploadId, beganAt } of unfinished(pageAt)) {
      const isOurs = this.#keys.digestOf(key) !== undefined && !this.#uploads.has(uploadId);
      if (!isOurs || beganAt >= before) continue;
      await this.#tried(`abort a put of ${key}`, () => this.#abort(key, uploadId, signal));
      dropped += 1;
    }
    return dropped;
  }

  close(): void {
    this.#life.abort(new StoreError("ARCHIVE", "the archive is closed"));
    this.#client.destroy();
  }

  #at(digest: Digest): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: this.#keys.keyOf(digest) };
  }

  async #putParts(blob: ToArchive, signal: AbortSignal): Promise<void> {
    const { CreateMultipartUploadCommand, CompleteMultipartUploadCommand } = this.#library;
    const at = this.#at(blob.digest);
    const how = { abortSignal: signal };
    const begin = new CreateMultipartUploadCommand({ ...at, ...about(blob) });
    const { UploadId } = await this.#client.send(begin, how);
    if (UploadId === undefined) throw new StoreError("ARCHIVE", `${this.identity} gave no upload`);
    this.#uploads.add(UploadId);
    try {
      const send = (part: ObjectPart, within: AbortSignal) =>
        this.#sendPart(blob, { part, UploadId }, within);
      const Parts = [...(await sendParts(blob.size, send, signal))];
      const end = new CompleteMultipartUploadCommand({
        ...{ ...at, UploadId, MultipartUpload: { Parts } },
      });
      await this.#client.send(end, how);
    } catch (error) {
      // What this leaves is found by its age.
      await this.#abort(at.Key, UploadId, AbortSignal.timeout(patience)).catch(() => undefined);
      throw error;
    } finally {
      this.#uploads.delete(UploadId);
    }
  }

  async #sendPart(
    blob: ToArchive,
    { part, UploadId }: { readonly part: ObjectPart; readonly UploadId: string },
    signal: AbortSignal,
  ) {
    const { UploadPartCommand } = this.#library;
    const command = new UploadPartCommand({
      ...{ ...this.#at(blob.digest), UploadId, PartNumber: part.number },
      ContentLength: part.end - part.start,
      Body: stretchOf(blob, part),
    });
    const { ETag } = await this.#client.send(command, { abortSignal: signal });
    return { ETag, PartNumber: part.number };
  }

  async #abort(Key: string, UploadId: string, signal: AbortSignal): Promise<void> {
    const { AbortMultipartUploadCommand } = this.#library;
    const command = new AbortMultipartUploadCommand({ Bucket: this.#bucket, Key, UploadId });
    await this.#client.send(command, { abortSignal: signal }).catch(ifMissing);
  }

  #bytes(size: number, body: Readable, what: string): ArchivedBytes {
    const failure = (error: unknown) => archiveFailure(error, this.identity, what);
    return { size, body: told(body, failure), close: () => void body.destroy() };
  }

  async #tried<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw archiveFailure(error, this.identity, what);
    }
  }
}

function about({ origin }: ToArchive) {
  const type = { ContentType: "application/octet-stream" };
  return origin === undefined ? type : { ...type, Metadata: { [originField]: origin } };
}

function ifMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

async function* told(body: Readable, failure: (error: unknown) => StoreError) {
  try {
    for await (const chunk of body) yield chunk as Uint8Array;
  } catch (error) {
    throw failure(error);
  }
}
