/** Images on their way out of here and in: what is said of them, for routes and for what answers. */
import type { ByteSource } from "../../download/byte-source.ts";
import type { Digest } from "../../protocol/digest.ts";
import type { RepositoryName, Tag } from "../../protocol/reference.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";

export type CarriedPlace = { readonly registry: RegistryName; readonly repository: RepositoryName };

/** A name under which a manifest is carried. */
export type CarriedName = {
  readonly kind: "image" | "signature" | "referrer";
  /** As it is pulled: `ghcr.io/owner/app:v1`, `…@sha256:…`. */
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly artifactType: string | undefined;
  /** Of an index: which of its images are carried, and which are not here. */
  readonly platforms: readonly string[];
  readonly leftOut: readonly string[];
  /** For engines that read Docker's own list: what one image is made of. */
  readonly image: { readonly config: Digest; readonly layers: readonly Digest[] } | undefined;
};

export type CarriedContent = {
  readonly digest: Digest;
  readonly size: number;
  readonly isManifest: boolean;
};

export type ExportPlan = {
  readonly names: readonly CarriedName[];
  readonly contents: readonly CarriedContent[];
};

export type ExportAsk = {
  /** With a tag or a digest each. */
  readonly images: readonly (CarriedPlace & { readonly reference: string })[];
  /** `linux/arm64`; none: all that are here. */
  readonly platforms: readonly string[];
};

/** What an export takes stays here until `release`. */
export type ExportUnderWay = {
  readonly plan: ExportPlan;
  /** Undefined when it is none of the plan's, or was lost. */
  open(digest: Digest): Promise<ByteSource | undefined>;
  release(): Promise<void>;
};

export type ImportAsk = {
  /** The repository that it goes to; without a registry it is the one for what is pushed here. */
  readonly to: Pick<CarriedPlace, "repository"> & Partial<Pick<CarriedPlace, "registry">>;
  /** All that will come. */
  readonly contents: readonly Pick<CarriedContent, "digest" | "size">[];
};

export type CarriedManifest = {
  readonly digest: Digest;
  readonly mediaType: string;
  /** It is an image that is asked for by digest or these tags, and all of it is here. */
  readonly isNamed: boolean;
  readonly tags: readonly Tag[];
};

/** What was brought stays here until `release`; what has a name then stays by that. */
export type ImportUnderWay = {
  /** `ghcr.io/owner/app` */
  readonly name: string;
  readonly world: "hosted" | "cached";
  /** What has to come: the rest is here whole. */
  readonly missing: readonly Digest[];
  /** Throws RegistryError when the bytes are others, or there is no room. On the platter when it resolves. */
  blob(digest: Digest, body: AsyncIterable<Uint8Array>): Promise<void>;
  /** Throws RegistryError. On the platter when it resolves. */
  manifest(manifest: CarriedManifest, bytes: Buffer): Promise<void>;
  release(): Promise<void>;
};
