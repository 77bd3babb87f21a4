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
import {
  canonicalRegistry,
  parseRegistryName,
  type RegistryName,
  registryAddress,
} from "../../protocol/registry-name.ts";
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
  let isTold = false;
  const catalogue = new ImageCatalogue({
    ...{ store, now, traffic: figures.traffic, called: hostedNames(parts.settings).called },
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
  const images = imagesOver(store, parts);
  return {
    ...{ store, images, catalogue },
    close: async () => {
      await catalogue.close();
      store.close();
    },
  };
}

function imagesOver(store: SqliteCatalogue, { cache, settings }: CatalogueParts): Images {
  const { isHosted, called } = hostedNames(settings);
  return new Images({
    ...{ store, called },
    isKept: async (text) => {
      const digest = parseDigest(text);
      return digest !== undefined && cache.isKept(digest);
    },
    visibility: async ({ registry, repository }) => {
      const known = parseRegistryName(registry);
      const name = parseRepositoryName(repository);
      if (known === undefined || name === undefined) return "client";
      if (isHosted(known.name)) return "pushed here";
      return cache.pulls.visibilityOf(known, name);
    },
    from: async ({ registry, repository, digest: text }) => {
      const [known, digest] = [parseRegistryName(registry), parseDigest(text)];
      const name = parseRepositoryName(repository);
      if (known === undefined || name === undefined || digest === undefined) return "pulled";
      if (isHosted(known.name)) return "pushed here";
      const { carried } = cache.pulls;
      return (await carried.isImported({ registry: known, repository: name }, digest))
        ? "imported"
        : "pulled";
    },
  });
}

/** What was pushed here is one registry, whatever clients call it: by the first of HOSTED_HOSTS. */
export function hostedNames({ hosted }: Pick<Settings, "hosted">) {
  const hosts = new HostedHosts(hosted.hosts);
  const [first] = hosted.hosts;
  const isHosted = (name: RegistryName): boolean => hosts.isAsked(registryAddress(name), "");
  const port = typeof first?.port === "number" ? `:${first.port}` : "";
  const firstName = first === undefined ? undefined : canonicalRegistry(`${first.host}${port}`);
  const called = (registry: string): string => {
    if (first === undefined) return registry;
    const known = parseRegistryName(registry);
    if (known === undefined || !isHosted(known.name)) return registry;
    return `${first.host}${port}`;
  };
  return { isHosted, called, first: firstName };
}
