/**
 * All that Entrepot can be asked or told, for whoever asks: the routes of the back office and of
 * control.sock, and a command where no server runs, which builds the same over the data folder.
 */
import type { Collect, Collected } from "../../hosted/gc/collector.ts";
import type { RepositoryName } from "../../protocol/reference.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";
import type { ExportAsk, ExportUnderWay, ImportAsk, ImportUnderWay } from "./carried-images.ts";
import type { StandsFor } from "./image-name.ts";
import type { Overview } from "./overview.ts";

export type DashboardLink = {
  /** Good once, for a minute. */
  readonly path: string;
  /** Where a browser on this machine finds it, without the path; undefined without a port. */
  readonly url: string | undefined;
};

/** What was pushed as it is now; nothing of it goes away before `release`. */
export type KeptForBackup = {
  /** A file with a copy of its records; undefined where nothing ever was pushed. */
  readonly records: string | undefined;
  readonly release: () => Promise<void>;
};

/** One image by tag or digest, or a whole repository. */
export type Removable = {
  readonly registry: RegistryName;
  readonly repository: RepositoryName;
  readonly reference: string | undefined;
};

export type Sized = { readonly digest: string; readonly size: number };

/** What removing it means, or meant. */
export type Removal = {
  /** Pushed here, and nowhere else; or kept of what others have. */
  readonly world: "hosted" | "cached";
  /** Tags, and digests of images that go as a whole. */
  readonly tags: readonly string[];
  readonly images: readonly string[];
  /** Of what is cached: blobs that make room now, and those that stay for another image. */
  readonly freed: readonly Sized[];
  readonly shared: readonly (Sized & { readonly by: string })[];
};

export interface Operations {
  /** The registry that a name in MIRROR_HOSTS stands for. */
  readonly standsFor: StandsFor;
  /** What there is, what it saves and what is wrong: changes nothing. */
  readonly overview: Overview;
  /** Undefined where no server runs, and so no dashboard. */
  dashboardLink(): DashboardLink | undefined;
  /** What removing it would mean; undefined when there is nothing of that name. */
  removal(what: Removable): Promise<Removal | undefined>;
  /** Throws RegistryError DENIED when a tag is to stay as it is, and what the disk or the records say. */
  remove(what: Removable): Promise<Removal | undefined>;
  /** Of what was pushed here. Throws what the disk or the records say. */
  collectGarbage(ask: Collect): Promise<Collected>;
  /** Throws RegistryError when there is no such image, or not all of it is here. */
  beginExport(ask: ExportAsk): Promise<ExportUnderWay>;
  /** Throws RegistryError when it may not go there. */
  beginImport(ask: ImportAsk): Promise<ImportUnderWay>;
  /** Throws what keeps it from being copied. */
  keepForBackup(): Promise<KeptForBackup>;
}
