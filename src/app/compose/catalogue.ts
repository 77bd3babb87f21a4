/** Catalogue and statistics, in a file of their own: without it pulls go on as ever. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { ImageCatalogue } from "../../doors/back-office/catalogue.ts";
import type { Figures } from "../../doors/back-office/figures.ts";
import { Images } from "../../doors/back-office/images.ts";
import { HostedHosts } from "../../doors/server/own-names.ts";
import { type Digest, parseDigest } from "../../protocol/digest.ts";
import type { Manifest } from "../../protocol/manifest.ts";
import { parseRepositoryName } from "../../protocol/reference.ts";
import { parseRegistryName } from "../../protocol/registry-name.ts";
import { SqliteCatalogue } from "../../store/sqlite/sqlite-catalogue.ts";
import type { Log } from "../log.ts";
import type { Settings } from "../settings/settings.ts";
import type { Cache } from "./cache.ts";

type OpenParts = { readonly dataDir: string; readonly log: Pick<Log, "note"> };

/** What cannot be read is put aside, what cannot be written is kept in memory: both are told. */
function openCatalogueStore({ dataDir, log }: OpenParts): SqliteCatalogue {
  const path = join(dataDir, "statistics.sqlite");
  const told = (error: unknown): void =>
    log.note("error", "the statistics begin anew", { error: String(error) });
  try {
    return SqliteCatalogue.open(path);
  } catch (error) {
    told(error);
  }
  try {
    renameSync(path, `${path}.broken`);
    return SqliteCatalogue.open(path);
  } catch (error) {
    told(error);
    return SqliteCatalogue.open(":memory:");
  }
}

export type CatalogueParts = OpenParts & {
  readonly figures: Figures;
  readonly cache: Pick<Cache, "pulls" | "isKept">;
  readonly settings: Pick<Settings, "hosted">;
  /** What a manifest that was pushed here lists. */
  readonly pushedManifest: (digest: Digest) => Promise<Manifest | undefined>;
  readonly now: () => number;
};

export function composeCatalogue(parts: CatalogueParts) {
  const { figures, cache, now, log } = parts;
  const store = openCatalogueStore(parts);
  const hosted = new HostedHosts(parts.settings.hosted.hosts);
  let isTold = false;
  const catalogue = new ImageCatalogue({
    ...{ store, now, traffic: figures.traffic, hosted },
    manifest: async (text) => {
      const digest = parseDigest(text);
      if (digest === undefined) return undefined;
      return (await cache.pulls.manifestOf(digest)) ?? (await parts.pushedManifest(digest));
    },
    onError: (error) => {
      if (!isTold) log.note("error", "the statistics cannot be written", { error: String(error) });
      isTold = true;
    },
  });
  figures.listen((event) => catalogue.note(event));
  const images = imagesOver({ store, hosted, cache });
  return {
    ...{ store, images, catalogue },
    close: async () => {
      await catalogue.close();
      store.close();
    },
  };
}

type ImagesParts = Pick<CatalogueParts, "cache"> & {
  readonly store: SqliteCatalogue;
  readonly hosted: HostedHosts;
};

function imagesOver({ store, hosted, cache }: ImagesParts): Images {
  return new Images({
    ...{ store, hosted },
    isKept: async (text) => {
      const digest = parseDigest(text);
      return digest !== undefined && cache.isKept(digest);
    },
    visibility: async ({ registry, repository }) => {
      const known = parseRegistryName(registry);
      const name = parseRepositoryName(repository);
      if (known === undefined || name === undefined) return "client";
      if (hosted.isHosted(known.name)) return "pushed here";
      return cache.pulls.visibilityOf(known, name);
    },
    from: async ({ registry, repository, digest: text }) => {
      const [known, digest] = [parseRegistryName(registry), parseDigest(text)];
      const name = parseRepositoryName(repository);
      if (known === undefined || name === undefined || digest === undefined) return "pulled";
      if (hosted.isHosted(known.name)) return "pushed here";
      const { carried } = cache.pulls;
      return (await carried.isImported({ registry: known, repository: name }, digest))
        ? "imported"
        : "pulled";
    },
  });
}
