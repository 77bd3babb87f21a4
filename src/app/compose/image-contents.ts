/**
 * What of a repository is carried for an image: its manifest with all that this lists, and what is about
 * it. Of an index those of its images that were asked for, or else that are here whole.
 */
import type {
  CarriedContent,
  CarriedName,
  CarriedPlace,
} from "../../doors/back-office/carried-images.ts";
import { describe } from "../../hosted/pushed-manifest.ts";
import type { Digest } from "../../protocol/digest.ts";
import { type Manifest, type ManifestReference, readManifest } from "../../protocol/manifest.ts";
import { parseReference, type Tag } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import { calledName } from "../../protocol/registry-name.ts";
import type { Shelf, ShelvedManifest } from "./shelf.ts";

export type ImageContentsParts = {
  readonly place: CarriedPlace;
  readonly shelf: Shelf;
  /** Of a blob that is here; from then on it stays. */
  readonly sizeOf: (digest: Digest) => Promise<number | undefined>;
  /** What the config of an image says that it is for. */
  readonly platformIn: (config: Digest) => Promise<string | undefined>;
  readonly platforms: readonly string[];
};

type Read = ShelvedManifest & { readonly manifest: Manifest };
type Contents = Map<Digest, CarriedContent>;
/** What is found of one manifest, and what is not. */
type Found = { readonly contents: Contents; readonly missing: Digest[] };
type Named = Pick<CarriedName, "kind" | "tag"> &
  Partial<Pick<CarriedName, "platforms" | "leftOut" | "image">>;
/** Of an index: its images that are carried, and which are not here. */
type Chosen = { readonly images: Read[]; readonly taken: string[]; readonly leftOut: string[] };

/** Indexes of indexes exist; deeper ones are not images. */
const deepest = 4;

export class ImageContents {
  readonly names: CarriedName[] = [];
  readonly contents: Contents = new Map();
  readonly #parts: ImageContentsParts;

  constructor(parts: ImageContentsParts) {
    this.#parts = parts;
  }

  /** Throws RegistryError when it is not here, or not all of it. */
  async add(text: string): Promise<void> {
    const { shelf } = this.#parts;
    const reference = parseReference(text);
    const isTag = reference?.kind === "tag";
    const digest = isTag ? await shelf.meaning(reference.tag) : reference?.digest;
    const read = digest && (await this.#read(digest));
    if (read === undefined) throw unknown(`there is no ${this.#called(text)} here`);
    const its = { kind: "image", tag: isTag ? reference.tag : undefined } as const;
    if (read.manifest.kind === "image") {
      await this.#addImage(read, text);
      this.#name(read, { ...its, image: imageOf(read) });
      return this.#addAbout([read.digest], new Set());
    }
    const { images, taken, leftOut } = await this.#chosenOf(read, text);
    this.#take(this.contents, read);
    const [only] = images.map(imageOf).filter((image) => image !== undefined);
    this.#name(read, { ...its, platforms: taken, leftOut, image: only });
    await this.#addAbout([read.digest, ...images.map((image) => image.digest)], new Set());
  }

  async #addImage(read: Read, text: string): Promise<void> {
    const { platforms, platformIn } = this.#parts;
    const [config] = read.manifest.references;
    if (platforms.length > 0 && config !== undefined) {
      const its = (await platformIn(config.digest)) ?? "no platform";
      if (!isOneOf(its, platforms)) throw unknown(`${this.#called(text)} is for ${its} alone`);
    }
    const { missing, contents } = await this.#find(read, 0);
    if (missing.length > 0) throw this.#partly(this.#called(text), missing.length);
    for (const [digest, content] of contents) this.contents.set(digest, content);
  }

  async #chosenOf(index: Read, text: string): Promise<Chosen> {
    const chosen: Chosen = { images: [], taken: [], leftOut: [] };
    const { platforms } = this.#parts;
    for (const child of index.manifest.references) {
      if (child.platform !== undefined && !isWanted(child.platform, platforms)) continue;
      const read = await this.#wholeOf(child);
      if (read !== undefined) chosen.images.push(read);
      const list = read === undefined ? chosen.leftOut : chosen.taken;
      if (child.platform !== undefined) list.push(child.platform);
    }
    this.#needChosen(index, text, chosen.taken);
    return chosen;
  }

  #needChosen({ manifest }: Read, text: string, taken: readonly string[]): void {
    const offered = manifest.references.flatMap(({ platform }) => platform ?? []);
    if (offered.length === 0) return;
    const { platforms } = this.#parts;
    const absent = platforms.filter((one) => !taken.some((its) => isOneOf(its, [one])));
    if (absent.length > 0) throw this.#absent(text, absent, offered);
    if (taken.length === 0) throw this.#absent(text, offered, offered);
  }

  /** One child with all that it lists; undefined when not all of that is here. */
  async #wholeOf({ digest }: Pick<ManifestReference, "digest">): Promise<Read | undefined> {
    const read = await this.#read(digest);
    const found = read && (await this.#find(read, 1));
    if (found === undefined || found.missing.length > 0) return undefined;
    for (const [one, content] of found.contents) this.contents.set(one, content);
    return read;
  }

  /** Signatures, attestations, SBOMs, and what is about these: as far as they are here whole. */
  async #addAbout(subjects: readonly Digest[], seen: Set<Digest>): Promise<void> {
    for (const subject of subjects) {
      if (seen.has(subject)) continue;
      seen.add(subject);
      await this.#addAbout(await this.#aboutOf(subject), seen);
    }
  }

  async #aboutOf(subject: Digest): Promise<readonly Digest[]> {
    const { shelf } = this.#parts;
    const about = new Set<Digest>();
    for (const [tag, digest] of await shelf.tagsAbout(subject)) {
      if (await this.#addNamed(digest, { kind: "signature", tag })) about.add(digest);
    }
    for (const digest of await shelf.referrersOf(subject)) {
      if (about.has(digest)) continue;
      if (await this.#addNamed(digest, { kind: "referrer", tag: undefined })) about.add(digest);
    }
    return [...about];
  }

  async #addNamed(digest: Digest, named: Named): Promise<boolean> {
    const read = await this.#wholeOf({ digest });
    if (read !== undefined) this.#name(read, named);
    return read !== undefined;
  }

  async #find(
    read: Read,
    depth: number,
    found: Found = { contents: new Map(), missing: [] },
  ): Promise<Found> {
    this.#take(found.contents, read);
    for (const { digest, kind, isDistributable } of read.manifest.references) {
      if (found.contents.has(digest) || !isDistributable) continue;
      if (kind === "blob") await this.#findBlob(digest, found);
      else await this.#findManifest(digest, depth, found);
    }
    return found;
  }

  async #findBlob(digest: Digest, { contents, missing }: Found): Promise<void> {
    const size = await this.#parts.sizeOf(digest);
    if (size === undefined) missing.push(digest);
    else contents.set(digest, { digest, size, isManifest: false });
  }

  async #findManifest(digest: Digest, depth: number, found: Found): Promise<void> {
    const read = depth < deepest ? await this.#read(digest) : undefined;
    if (read === undefined) found.missing.push(digest);
    else await this.#find(read, depth + 1, found);
  }

  async #read(digest: Digest): Promise<Read | undefined> {
    const found = await this.#parts.shelf.manifest(digest);
    const manifest = found && readManifest(found.bytes, found.mediaType);
    return found && manifest && { ...found, manifest };
  }

  #take(contents: Contents, { digest, bytes }: Read): void {
    contents.set(digest, { digest, size: bytes.length, isManifest: true });
  }

  #name({ digest, mediaType, bytes }: Read, named: Named): void {
    const { artifactType } = describe(bytes);
    this.names.push({
      ...{ digest, mediaType, size: bytes.length, artifactType, platforms: [], leftOut: [] },
      ...{ image: undefined, ...named, name: this.#called(named.tag ?? digest) },
    });
  }

  #called(reference: Tag | string): string {
    const { registry, repository } = this.#parts.place;
    const separator = reference.includes(":") ? "@" : ":";
    return `${calledName(registry)}/${repository}${separator}${reference}`;
  }

  #absent(text: string, absent: readonly string[], offered: readonly string[]): RegistryError {
    const name = this.#called(text);
    const unknowns = absent.filter((one) => !offered.some((its) => isOneOf(its, [one])));
    if (unknowns.length === 0) return this.#partly(`${name} for ${absent.join(", ")}`);
    return unknown(`${name} is not for ${unknowns.join(", ")}, but for ${offered.join(", ")}`);
  }

  #partly(name: string, missing?: number): RegistryError {
    const what = missing === undefined ? "" : `: ${missing} of its blobs are missing`;
    const mend =
      this.#parts.shelf.world === "hosted" ? "push it again" : "pull it once through here";
    const sentence = `not all of ${name} is here${what}; ${mend}, then export it`;
    return new RegistryError("MANIFEST_BLOB_UNKNOWN", sentence);
  }
}

function unknown(sentence: string): RegistryError {
  return new RegistryError("MANIFEST_UNKNOWN", sentence);
}

function isWanted(platform: string, wanted: readonly string[]): boolean {
  return wanted.length === 0 || isOneOf(platform, wanted);
}

/** `linux/arm64` is any variant of it. */
function isOneOf(platform: string, wanted: readonly string[]): boolean {
  return wanted.some((one) => platform === one || platform.startsWith(`${one}/`));
}

const imageConfig = /\/vnd\.(?:oci\.image\.config|docker\.container\.image)\.v1\+json$/;

/** What an engine's own list of images says of it. */
function imageOf({ manifest }: Read): CarriedName["image"] {
  const [config, ...layers] = manifest.references;
  if (manifest.kind !== "image" || config === undefined) return undefined;
  if (!imageConfig.test(config.mediaType)) return undefined;
  return { config: config.digest, layers: layers.map(({ digest }) => digest) };
}
