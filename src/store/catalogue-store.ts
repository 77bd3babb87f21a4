/**
 * The port to what is told of images and of what went through: a catalogue, and sums by minute, hour
 * and day. It may be lost without harm to any pull; methods throw StoreError RECORDS when it fails.
 */

/** An image under the name it is asked for by; `reference` is a tag, or a digest where it was pulled by that. */
export type ImageName = {
  readonly registry: string;
  readonly repository: string;
  readonly reference: string;
};

/** What happened to one name since it was written last. */
export type ImageNews = ImageName & {
  readonly digest: string;
  /** Milliseconds since 1970. */
  readonly seenAt: number;
  readonly pulls: number;
  /** Undefined where it was only looked at. */
  readonly pulledAt: number | undefined;
};

export type ImageRecord = ImageName & {
  readonly digest: string;
  readonly firstSeen: number;
  readonly lastPull: number | undefined;
  readonly pulls: number;
};

/** What a manifest lists; `platform` where it says. */
export type ManifestPart = {
  readonly digest: string;
  readonly size: number;
  readonly platform: string | undefined;
};

export type PartsOf = { readonly digest: string; readonly parts: readonly ManifestPart[] };

/** What went through for one registry. */
export type Sums = {
  readonly requests: number;
  readonly errors: number;
  readonly pulls: number;
  readonly cachedPulls: number;
  readonly sent: number;
  readonly saved: number;
  readonly fetched: number;
};

export type SumsOf = { readonly registry: string; readonly sums: Sums };

export type Step = "minute" | "hour" | "day";

/**
 * All that was counted in one step of time, of all registries together; `at` is when it began, in
 * milliseconds since 1970.
 */
export type SumsAt = { readonly at: number; readonly sums: Sums };

export type Batch = {
  readonly at: number;
  readonly images: readonly ImageNews[];
  readonly parts: readonly PartsOf[];
  readonly sums: readonly SumsOf[];
};

export type ImageQuery = {
  /** Words that all have to be in the name. */
  readonly search: string;
  readonly sort: "name" | "pulls" | "last";
  readonly offset: number;
  readonly limit: number;
};

export interface CatalogueStore {
  /** Writes all of it, or nothing. */
  write(batch: Batch): void;
  /** A page of what is known, and how much there is in all. */
  images(query: ImageQuery): { readonly images: readonly ImageRecord[]; readonly total: number };
  image(name: ImageName): ImageRecord | undefined;
  /** Those of one repository. */
  imagesIn(registry: string, repository: string): readonly ImageRecord[];
  /** Names that lead to it, through whatever manifests; a hundred at most. */
  namesOf(digest: string): readonly ImageRecord[];
  /** It is no name that anybody asked for any more. */
  forget(name: ImageName): void;
  /** What the manifest lists; empty where it was never seen. */
  parts(digest: string): readonly ManifestPart[];
  /** How many manifests list it, and how many names lead to it. */
  uses(digest: string): { readonly parents: number; readonly names: number };
  /** Steps from then on, oldest first. */
  sums(step: Step, since: number): readonly SumsAt[];
  /** What went through since then, of each registry. */
  totals(step: Step, since: number): readonly SumsOf[];
  close(): void;
}
