/** Catalogue and statistics, in a file of their own: without it pulls go on as ever. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { ImageCatalogue } from "../../doors/back-office/catalogue.ts";
import type { Figures } from "../../doors/back-office/figures.ts";
import { Images } from "../../doors/back-office/images.ts";
import { parseDigest } from "../../protocol/digest.ts";
import { parseRepositoryName } from "../../protocol/reference.ts";
import { parseRegistryName } from "../../protocol/registry-name.ts";
import { SqliteCatalogue } from "../../store/sqlite/sqlite-catalogue.ts";
import type { Log } from "../log.ts";
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
  readonly now: () => number;
};

export function composeCatalogue(parts: CatalogueParts) {
  const { figures, cache, now, log } = parts;
  const store = openCatalogueStore(parts);
  let isTold = false;
  const catalogue = new ImageCatalogue({
    ...{ store, now, traffic: figures.traffic },
    manifest: async (text) => {
      const digest = parseDigest(text);
      return digest && cache.pulls.manifestOf(digest);
    },
    onError: (error) => {
      if (!isTold) log.note("error", "the statistics cannot be written", { error: String(error) });
      isTold = true;
    },
  });
  figures.listen((event) => catalogue.note(event));
  const images = imagesOver(store, cache);
  return {
    ...{ store, images, catalogue },
    close: async () => {
      await catalogue.close();
      store.close();
    },
  };
}

function imagesOver(store: SqliteCatalogue, cache: CatalogueParts["cache"]): Images {
  return new Images({
    store,
    isKept: async (text) => {
      const digest = parseDigest(text);
      return digest !== undefined && cache.isKept(digest);
    },
    visibility: async ({ registry, repository }) => {
      const known = parseRegistryName(registry);
      const name = parseRepositoryName(repository);
      if (known === undefined || name === undefined) return "client";
      return cache.pulls.visibilityOf(known, name);
    },
  });
}
