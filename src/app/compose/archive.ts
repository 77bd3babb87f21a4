/** The archive behind the disk, where STORE names one: what is kept goes there, and comes back from there. */
import type { Eviction } from "../../cache/keeping/eviction.ts";
import type { Usage } from "../../cache/keeping/usage.ts";
import type { ByteSource } from "../../download/byte-source.ts";
import type { Downloads } from "../../download/downloads.ts";
import type { Digest } from "../../protocol/digest.ts";
import type { RepositoryName } from "../../protocol/reference.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { ArchiveLinks } from "../../store/archiving/archive-links.ts";
import { ArchivedIndex } from "../../store/archiving/archived-index.ts";
import { Archiving } from "../../store/archiving/archiving.ts";
import { GuardedArchive } from "../../store/archiving/guarded-archive.ts";
import { storeErrorFrom } from "../../store/store-error.ts";
import type { Log } from "../log.ts";
import { archivePlace } from "../settings/archive-place.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "./store.ts";
import type { Upstream } from "./upstream.ts";

export type Archived = {
  readonly archive: GuardedArchive;
  readonly index: ArchivedIndex;
  readonly close: () => Promise<void>;
};

type ArchiveParts = {
  readonly settings: Settings;
  readonly store: Pick<Store, "records">;
  readonly upstream: Pick<Upstream, "wayTo">;
  readonly log: Pick<Log, "store">;
};

/** Undefined where the disk is all there is. Nobody is asked yet, so that a start waits for no S3. */
export async function composeArchive(parts: ArchiveParts): Promise<Archived | undefined> {
  const place = archivePlace(parts.settings);
  if (place === undefined) return undefined;
  const { openS3 } = await import("./s3.ts");
  const { archive: opened, close } = await openS3(place, parts.upstream.wayTo);
  const observe = parts.log.store;
  const archive = new GuardedArchive({ archive: opened, observe, clock: systemClock });
  return { archive, index: new ArchivedIndex(parts.store.records, archive.identity), close };
}

type ArchivingParts = Archived & {
  readonly store: Pick<Store, "blobs" | "holds">;
  readonly usage: Usage;
  readonly originOf: (digest: Digest) => Promise<string | undefined>;
  readonly eviction: () => Pick<Eviction, "wake">;
  readonly log: Pick<Log, "store">;
  readonly clock: Clock;
};

export function composeArchiving(parts: ArchivingParts): Archiving {
  const { archive, index, store, usage, originOf, eviction, log, clock } = parts;
  const { blobs, holds } = store;
  holds.backedBy((digest) => index.sizeOf(digest) !== undefined);
  return new Archiving({
    ...{ archive, index, blobs, originOf, clock, observe: log.store },
    reading: (digest) => usage.reading(digest),
    isHeld: (digest) => holds.isHeld(digest),
    onArchived: (digest, size) => {
      // What was pushed here counts from now on, for its copy on the disk may go.
      if (!usage.has(digest)) usage.added(digest, size);
      eviction().wake();
    },
  });
}

/** For clients that may read there themselves. */
export function linksOf({ archive, index }: Pick<Archived, "archive" | "index">): ArchiveLinks {
  return new ArchiveLinks(archive, index);
}

/** Names that nobody has: what was pushed here is in no registry elsewhere. */
const pushedHere = {
  registry: { name: "pushed" as RegistryName, scheme: "https" },
  repository: "here" as RepositoryName,
  access: { kind: "none" },
} as const;

/** What was pushed here, from the archive alone. Throws StoreError ARCHIVE. */
export async function openArchived(
  downloads: Pick<Downloads, "open">,
  digest: Digest,
): Promise<ByteSource> {
  const { signal } = new AbortController();
  try {
    const ask = { ...pushedHere, digest, from: 0, archive: "only", signal } as const;
    return (await downloads.open(ask)).source;
  } catch (error) {
    throw storeErrorFrom(error, "ARCHIVE", `${digest} cannot be had from the archive`);
  }
}
