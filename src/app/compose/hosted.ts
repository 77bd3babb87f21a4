/** The registry for one's own images: what it keeps, who may do what there, and its handlers. */
import { Blobs } from "../../hosted/blobs.ts";
import type { Catalogue } from "../../hosted/catalogue.ts";
import type { Contents } from "../../hosted/contents.ts";
import { Collector } from "../../hosted/gc/collector.ts";
import { HostedTokens } from "../../hosted/hosted-tokens.ts";
import { Listings } from "../../hosted/listings.ts";
import { Logins } from "../../hosted/logins.ts";
import { HostedManifests } from "../../hosted/manifests.ts";
import { Passwords } from "../../hosted/passwords.ts";
import { Pulls } from "../../hosted/pulls.ts";
import { Rights, type RightsSettings } from "../../hosted/rights.ts";
import { Uploads } from "../../hosted/uploads.ts";
import type { Digest } from "../../protocol/digest.ts";
import type { RepositoryName } from "../../protocol/reference.ts";
import type { FindHandler } from "../../registry/exchange.ts";
import { hostedHandlers } from "../../registry/hosted/hosted-handlers.ts";
import type { Clock } from "../../runtime/clock.ts";
import { ArchivedUploads } from "../../store/archiving/archived-uploads.ts";
import type { UploadFiles } from "../../store/upload-files.ts";
import type { Log } from "../log.ts";
import { readHtpasswd } from "../settings/named-files.ts";
import type { Settings } from "../settings/settings.ts";
import type { Cache } from "./cache.ts";
import { roomForFiles } from "./descriptors.ts";
import type { Store } from "./store.ts";

export type HostedRoomParts = {
  readonly settings: Settings;
  readonly store: Pick<Store, "blobs">;
  /** What was pushed here. */
  readonly catalogue: Catalogue;
  readonly cache: Pick<Cache, "rechecks" | "room" | "loose" | "archiving" | "openArchived">;
  readonly secret: Uint8Array;
  readonly clock: Clock;
  readonly log: Pick<Log, "hosted">;
};

export type Hosted = {
  /** Undefined where nothing is pushed any more. */
  readonly handlers: FindHandler | undefined;
  readonly collector: Collector;
  readonly manifests: HostedManifests;
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  /** Throws RegistryError UNSUPPORTED while HOSTED_READ_ONLY is set. */
  readonly letWrite: () => void;
  readonly listings: Listings;
  readonly warnings: readonly string[];
  /** Reads the logins again; what is returned takes them up. Throws SettingsError. */
  readonly reload: (settings: Settings) => Promise<() => void>;
  /** Uploads under way are kept for the next start. Never rejects. */
  readonly close: () => Promise<void>;
};

/** Throws SettingsError or StoreError. */
export async function composeHosted(parts: HostedRoomParts): Promise<Hosted> {
  const { settings, store, catalogue, secret, clock, log } = parts;
  const passwords = new Passwords();
  const logins = new Logins({
    ...{ htpasswd: await readHtpasswd(settings), clock },
    isRight: (password, hash) => passwords.isRight(password, hash),
  });
  const rights = new Rights(rightsIn(settings));
  const limitIn = (repository: RepositoryName) => rights.limitIn(repository, catalogue);
  const contents = contentsOf(store.blobs, parts.cache);
  const { lease, sparse: isSparse } = settings.hosted;
  const files = archivedToo(await store.blobs.uploads(), parts.cache.archiving);
  const uploads = await Uploads.open({
    ...{ files, catalogue, limitIn, clock, lease, room: parts.cache.room },
    most: (await roomForFiles()).uploads,
  });
  const pulls = new Pulls({
    ...{ catalogue, clock, lease },
    onFailure: (error) => log.hosted({ kind: "pullsUnwritten", error }),
  });
  pulls.start();
  const letMove: Rights["letMove"] = (repository, tag) => rights.letMove(repository, tag);
  const manifests = new HostedManifests({
    ...{ catalogue, contents, files, pulls, clock, lease, isSparse, letMove },
  });
  const listings = new Listings({
    catalogue,
    read: (repository, digest) => manifests.read(repository, digest),
  });
  const collector = new Collector({
    ...{ catalogue, pulls, clock, lease, bytes: parts.cache.loose, observe: log.hosted },
    sessionsOf: (repository) => uploads.sessionsOf(repository),
    keeping: (repository) => rights.keeping(repository),
  });
  const blobs = new Blobs({ catalogue, contents, limitIn, clock, lease });
  const handlers = hostedHandlers({
    ...{ blobs, manifests, uploads, listings, rights, logins },
    tokens: new HostedTokens(secret, clock),
    observe: log.hosted,
    publicUrl: settings.listen.publicUrl,
  });
  return {
    handlers: settings.hosted.hosts.length > 0 ? handlers : undefined,
    ...{ collector, manifests, listings, blobs, uploads },
    letWrite: () => rights.letWrite(),
    warnings: [...warningsAbout(settings), ...unreadableRecords(catalogue)],
    reload: async (changed) => {
      const htpasswd = await readHtpasswd(changed);
      return () => {
        logins.change(htpasswd);
        rights.change(rightsIn(changed));
      };
    },
    close: async () => {
      // Neither is worth a failed stop.
      await uploads.close().catch((error: unknown) => {
        log.hosted({ kind: "uploadsUnwritten", error });
      });
      await pulls.close().catch((error: unknown) => log.hosted({ kind: "pullsUnwritten", error }));
      await passwords.close();
    },
  };
}

function rightsIn({ hosted }: Settings): RightsSettings {
  const { anonymousPull, anonymousPush, readOnly, rules, htpasswd } = hosted;
  return {
    isAnonymousPull: anonymousPull ?? htpasswd === undefined,
    isAnonymousPush: anonymousPush,
    isReadOnly: readOnly,
    rules,
  };
}

/** What is pushed is there once the archive has it. */
function archivedToo(files: UploadFiles, archiving: Cache["archiving"]): UploadFiles {
  if (archiving === undefined) return files;
  return new ArchivedUploads(files, (digest) => archiving.ensure(digest));
}

type ContentsParts = Pick<Cache, "rechecks" | "archiving" | "openArchived">;

export function contentsOf(blobs: Store["blobs"], parts: ContentsParts): Contents {
  const { rechecks, archiving, openArchived } = parts;
  // Nobody else has it: where no record knows, the archive itself is asked.
  const away = async (digest: Digest) => (await archiving?.stat(digest))?.size;
  return {
    sizeOf: async (digest) => (await blobs.stat(digest))?.size ?? (await away(digest)),
    open: async (digest) => {
      const stat = await blobs.stat(digest);
      if (stat === undefined)
        return (await away(digest)) === undefined ? undefined : openArchived(digest);
      return stat.isVerified ? blobs.open(digest) : rechecks.open(digest);
    },
    condemn: async (digest) => {
      const reader = await blobs.open(digest);
      if (reader === undefined) return;
      try {
        await blobs.condemn(digest, reader.place.identity);
      } finally {
        await reader.close();
      }
    },
  };
}

function unreadableRecords(catalogue: Catalogue): readonly string[] {
  const [key, ...others] = catalogue.unreadable();
  if (key === undefined) return [];
  const which = others.length === 0 ? key : `${key} and ${others.length} more`;
  return [
    `a record of what was pushed cannot be read: ${which}; push that anew, or restore a backup`,
  ];
}

function warningsAbout({ hosted }: Settings): readonly string[] {
  if (!hosted.anonymousPush) return [];
  return [
    "HOSTED_ANONYMOUS_PUSH is true: whoever may come in may push to the hosted registry, and delete there",
  ];
}
