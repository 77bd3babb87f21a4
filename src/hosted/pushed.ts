/**
 * What is known of pushed content, and how each fact is written down:
 *
 *     blob:<repository>:<digest>        uploaded or mounted there
 *     manifest:<repository>:<digest>    and what it refers to
 *     tag:<repository>:<tag>
 *     upload:<id>                       a session that a clean stop left
 *     pulled:<repository>:<tag|digest>  when it was pulled last
 *     loose:<digest>                    bytes without a name here yet, or that lost one: gone with the next gc, unless another names them
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
  /** When it lost its last tag; that it has none now is not said by it. */
  readonly untaggedAt?: number | undefined;
  /** When what it is about was here last. */
  readonly subjectGoneAt?: number | undefined;
};

export type TagLink = {
  readonly digest: Digest;
  readonly pushedAt: number;
  /** Of a tag that is made of a digest (companions.ts): when that was here last. */
  readonly subjectGoneAt?: number | undefined;
};

/** A session that a clean stop left. */
export type KeptUpload = {
  readonly repository: RepositoryName;
  readonly owner: string;
  readonly size: number;
  readonly usedAt: number;
  readonly beganAt?: number;
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

export type PullChange = {
  readonly kind: "pulled";
  readonly repository: RepositoryName;
  readonly reference: Tag | Digest;
  readonly link: number | undefined;
};

export type LooseChange = {
  readonly kind: "loose";
  readonly digest: Digest;
  readonly link: true | undefined;
};

export type Change = ContentChange | UploadChange | PullChange | LooseChange;

/** A record whose key is one of ours and whose value is not what we write. */
export type Unreadable = {
  readonly kind: "unreadable";
  readonly repository: RepositoryName;
  readonly key: string;
  readonly digest: Digest | undefined;
};

export function recordOf(change: Change): RecordChange {
  return { key: keyOf(change), value: change.link as Json | undefined };
}

/** Throws StoreError RECORDS when its key is none of ours: then the file is not. */
export function changeFrom({ key, value }: StoredRecord): Change | Unreadable {
  const [, kind = "", name = "", last = ""] = /^(\w+):([^:]+)(?::(.+))?$/.exec(key) ?? [];
  const found =
    kind === "upload" || kind === "loose"
      ? elsewhere(kind, key.slice(kind.length + 1), value)
      : inRepository(kind, { name, last, key }, value);
  if (found !== undefined) return found;
  throw new StoreError("RECORDS", `what was pushed cannot be read: ${key} makes no sense`);
}

function elsewhere(kind: "upload" | "loose", name: string, value: Json): Change | undefined {
  // We wrote it, so the rest of its shape is known; what is not as known is begun anew by its client.
  if (kind === "upload") return { kind, id: name, link: value as KeptUpload };
  const digest = parseDigest(name);
  return digest && { kind, digest, link: true };
}

type Named = { readonly name: string; readonly last: string; readonly key: string };

function inRepository(
  kind: string,
  { name, last, key }: Named,
  value: Json,
): Change | Unreadable | undefined {
  const repository = parseRepositoryName(name);
  const [digest, tag] = [parseDigest(last), parseTag(last)];
  if (repository === undefined) return undefined;
  const unreadable = { kind: "unreadable", repository, key, digest } as const;
  if (kind === "pulled") return pulled(repository, digest ?? tag, value);
  if (digest !== undefined && (kind === "blob" || kind === "manifest")) {
    return digested({ kind, repository, digest }, value) ?? unreadable;
  }
  if (tag === undefined || kind !== "tag") return undefined;
  return isTagLink(value) ? { kind, repository, tag, link: value } : unreadable;
}

function pulled(
  repository: RepositoryName,
  reference: Tag | Digest | undefined,
  value: Json,
): PullChange | undefined {
  return reference && { kind: "pulled", repository, reference, link: Number(value) || 0 };
}

type Digested = {
  readonly kind: "blob" | "manifest";
  readonly repository: RepositoryName;
  readonly digest: Digest;
};

function digested({ kind, repository, digest }: Digested, value: Json): Change | undefined {
  if (kind === "blob") {
    return isBlobLink(value) ? { kind, repository, digest, link: value } : undefined;
  }
  return isManifestLink(value) ? { kind, repository, digest, link: value } : undefined;
}

function isTagLink(value: unknown): value is TagLink {
  const { digest, pushedAt } = fieldsOf(value);
  return isDigest(digest) && typeof pushedAt === "number";
}

function isBlobLink(value: unknown): value is BlobLink {
  const { size, linkedAt, answeredAt, namedAt } = fieldsOf(value);
  return [size, linkedAt, answeredAt, namedAt].every((each) => typeof each === "number");
}

/** What it refers to is what keeps that: half a list is none. */
function isManifestLink(value: unknown): value is ManifestLink {
  const { references, subject, mediaType, kind } = fieldsOf(value);
  return (
    isBlobLink(value) &&
    typeof mediaType === "string" &&
    (kind === "index" || kind === "image") &&
    (subject === undefined || isDigest(subject)) &&
    Array.isArray(references) &&
    references.every(isDigest)
  );
}

function isDigest(value: unknown): boolean {
  return typeof value === "string" && parseDigest(value) !== undefined;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

export function keyOf(change: Change): string {
  switch (change.kind) {
    case "blob":
    case "manifest":
      return `${change.kind}:${change.repository}:${change.digest}`;
    case "tag":
      return `tag:${change.repository}:${change.tag}`;
    case "pulled":
      return `pulled:${change.repository}:${change.reference}`;
    case "upload":
      return `upload:${change.id}`;
    case "loose":
      return `loose:${change.digest}`;
  }
}
