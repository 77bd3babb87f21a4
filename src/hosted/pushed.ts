/**
 * What is known of pushed content, and how each fact is written down:
 *
 *     blob:<repository>:<digest>        uploaded or mounted there
 *     manifest:<repository>:<digest>    and what it refers to
 *     tag:<repository>:<tag>
 *     upload:<id>                       a session that a clean stop left
 */
import { type Digest, parseDigest } from "../protocol/digest.ts";
import {
  parseRepositoryName,
  parseTag,
  type RepositoryName,
  type Tag,
} from "../protocol/reference.ts";
import type { RecordChange } from "../store/pushed-records.ts";
import type { Json, StoredRecord } from "../store/record-store.ts";
import { StoreError } from "../store/store-error.ts";
import type { Leased } from "./leases.ts";

export type BlobLink = Leased & { readonly size: number };

export type ManifestLink = Leased & {
  readonly size: number;
  readonly mediaType: string;
  /** What it lists: blobs for an image, manifests for an index. */
  readonly kind: "index" | "image";
  readonly references: readonly Digest[];
  readonly subject?: Digest | undefined;
  readonly artifactType?: string | undefined;
};

export type TagLink = { readonly digest: Digest; readonly pushedAt: number };

/** A session that a clean stop left. */
export type KeptUpload = {
  readonly repository: RepositoryName;
  readonly owner: string;
  readonly size: number;
  readonly usedAt: number;
};

/** What a repository has that comes, changes, or goes (`link` undefined). */
export type ContentChange =
  | {
      readonly kind: "blob";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      readonly link: BlobLink | undefined;
    }
  | {
      readonly kind: "manifest";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      readonly link: ManifestLink | undefined;
    }
  | {
      readonly kind: "tag";
      readonly repository: RepositoryName;
      readonly tag: Tag;
      readonly link: TagLink | undefined;
    };

export type UploadChange = {
  readonly kind: "upload";
  readonly id: string;
  readonly link: KeptUpload | undefined;
};

export type Change = ContentChange | UploadChange;

export function recordOf(change: Change): RecordChange {
  return { key: keyOf(change), value: change.link as Json | undefined };
}

/** Throws StoreError RECORDS: what was written here reads back, or the file is not ours. */
export function changeFrom({ key, value }: StoredRecord): Change {
  const [, kind, name = "", last = ""] = /^(\w+):([^:]+)(?::(.+))?$/.exec(key) ?? [];
  const repository = parseRepositoryName(name);
  const [digest, tag] = [parseDigest(last), parseTag(last)];
  // We wrote it, so the rest of its shape is known.
  const link = value as never;
  if (kind === "upload") return { kind, id: name, link };
  if (
    repository !== undefined &&
    (kind === "blob" || kind === "manifest") &&
    digest !== undefined
  ) {
    return { kind, repository, digest, link };
  }
  if (repository !== undefined && kind === "tag" && tag !== undefined) {
    return { kind, repository, tag, link };
  }
  throw new StoreError("RECORDS", `what was pushed cannot be read: ${key} makes no sense`);
}

function keyOf(change: Change): string {
  switch (change.kind) {
    case "blob":
    case "manifest":
      return `${change.kind}:${change.repository}:${change.digest}`;
    case "tag":
      return `tag:${change.repository}:${change.tag}`;
    case "upload":
      return `upload:${change.id}`;
  }
}
