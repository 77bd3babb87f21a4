/** One repository, pushed here or cached, as its images are carried out of it. */
import type { CarriedPlace } from "../../doors/back-office/carried-images.ts";
import { HostedHosts } from "../../doors/server/own-names.ts";
import { subjectOfTag } from "../../hosted/gc/companions.ts";
import { unlessUnknown } from "../../hosted/pushed-manifest.ts";
import type { Digest } from "../../protocol/digest.ts";
import { parseTag, type Tag } from "../../protocol/reference.ts";
import { spokenTo } from "../settings/derived.ts";
import type { Core } from "./core.ts";

export type ShelvedManifest = {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
};

export interface Shelf {
  readonly world: "hosted" | "cached";
  meaning(tag: Tag): Promise<Digest | undefined>;
  /** Undefined when it is not here. Throws StoreError. */
  manifest(digest: Digest): Promise<ShelvedManifest | undefined>;
  /** Manifests that are about this one. Throws StoreError. */
  referrersOf(digest: Digest): Promise<readonly Digest[]>;
  /** Tags made of this digest, with what they lead to. */
  tagsAbout(digest: Digest): Promise<readonly (readonly [Tag, Digest])[]>;
}

/** Undefined where nothing was ever pushed to it. */
export function shelfOf(core: Core, place: CarriedPlace): Shelf | undefined {
  const isHosted = new HostedHosts(core.settings.hosted.hosts).isHosted(place.registry);
  return isHosted ? hostedShelf(core, place) : cachedShelf(core, place);
}

function hostedShelf({ store, hosted }: Core, { repository }: CarriedPlace): Shelf | undefined {
  const find = () => store.catalogue?.repository(repository);
  if (find() === undefined) return undefined;
  return {
    world: "hosted",
    meaning: async (tag) => find()?.tags.get(tag)?.digest,
    manifest: async (digest) => hosted?.manifests.read(repository, digest).catch(unlessUnknown),
    referrersOf: async (digest) => find()?.referrersOf(digest) ?? [],
    tagsAbout: async (digest) =>
      [...(find()?.tags ?? [])].flatMap(([tag, link]) =>
        subjectOfTag(tag) === digest ? [[tag, link.digest] as const] : [],
      ),
  };
}

/** As clients write them where a registry has no referrers (OCI distribution-spec; cosign). */
const tagEndings = ["", ".sig", ".att", ".sbom"];

function cachedShelf({ cache, settings }: Core, { registry, repository }: CarriedPlace): Shelf {
  const { carried } = cache.pulls;
  const ref = { registry: spokenTo(settings)({ name: registry, scheme: "https" }), repository };
  let referrers: ReturnType<typeof carried.referrers> | undefined;
  return {
    world: "cached",
    meaning: (tag) => carried.meaning(ref, tag),
    manifest: (digest) => carried.manifest(ref, digest),
    referrersOf: async (digest) => {
      referrers ??= carried.referrers(ref);
      return (await referrers).get(digest) ?? [];
    },
    tagsAbout: async (digest) => {
      const found: (readonly [Tag, Digest])[] = [];
      for (const ending of tagEndings) {
        const tag = parseTag(digest.replace(":", "-") + ending);
        const meant = tag && (await carried.meaning(ref, tag));
        if (tag !== undefined && meant !== undefined) found.push([tag, meant]);
      }
      return found;
    },
  };
}
