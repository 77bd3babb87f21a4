/** All that an image in a layout is made of, looked at before anything of it is brought. */
import { type Digest, digestAlgorithm, digestOf } from "../../../protocol/digest.ts";
import { layoutPath } from "../../../protocol/image-layout.ts";
import {
  type Manifest,
  type ManifestReference,
  maxManifestBytes,
  readManifest,
} from "../../../protocol/manifest.ts";
import { AskError } from "../control.ts";
import { type LayoutSource, shown } from "./layout-source.ts";
import type { LayoutContent } from "./layout-target.ts";

export type BroughtManifest = {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
};

export type BroughtContents = {
  readonly digest: Digest;
  /** What it lists comes before it. */
  readonly manifests: readonly BroughtManifest[];
  readonly blobs: readonly LayoutContent[];
  readonly platforms: readonly string[];
  /** It says something about another. */
  readonly isAbout: boolean;
};

type Described = LayoutContent & { readonly mediaType: string };

/** Indexes of indexes exist; deeper ones are not images. */
const deepest = 4;

export class LayoutContents {
  readonly #path: string;
  readonly #source: LayoutSource;
  readonly #manifests = new Map<Digest, BroughtManifest>();
  readonly #blobs = new Map<Digest, LayoutContent>();
  readonly #platforms: string[] = [];

  /** Throws AskError when anything of it is missing, or wrong. */
  static async of(root: Described, path: string, source: LayoutSource): Promise<BroughtContents> {
    const contents = new LayoutContents(path, source);
    const { subject, references } = await contents.#gather(root, 0);
    const isEmpty = contents.#manifests.size === 1 && references[0]?.kind === "manifest";
    if (isEmpty) throw contents.#wrong("has none of the images that its index lists");
    return {
      ...{ digest: root.digest, isAbout: subject !== undefined, platforms: contents.#platforms },
      manifests: [...contents.#manifests.values()],
      blobs: [...contents.#blobs.values()],
    };
  }

  private constructor(path: string, source: LayoutSource) {
    this.#path = path;
    this.#source = source;
  }

  async #gather({ digest, mediaType, size }: Described, depth: number): Promise<Manifest> {
    if (depth > deepest) throw this.#wrong("has indexes in indexes without end");
    const bytes = await this.#bytesOf({ digest, size });
    const manifest = readManifest(bytes, mediaType);
    if (manifest === undefined) {
      throw this.#wrong(`has no valid manifest of type ${shown(mediaType)} in ${digest}`);
    }
    for (const part of manifest.references) {
      if (part.kind === "manifest") await this.#gatherChild(part, depth);
      else if (part.isDistributable) await this.#needBlob(part);
    }
    this.#manifests.set(digest, { digest, mediaType, bytes });
    return manifest;
  }

  /** Of an index only some images may have been carried. */
  async #gatherChild(part: ManifestReference, depth: number): Promise<void> {
    if ((await this.#source.find(layoutPath(part.digest))) === undefined) return;
    if (!this.#manifests.has(part.digest)) await this.#gather(part, depth + 1);
    if (part.platform !== undefined && depth === 0) this.#platforms.push(part.platform);
  }

  async #bytesOf({ digest, size }: LayoutContent): Promise<Buffer> {
    const file = await this.#source.find(layoutPath(digest));
    if (file === undefined) throw this.#wrong(`lacks the manifest ${digest}`);
    if (file.size !== size || size > maxManifestBytes) {
      throw this.#wrong(`has ${file.size} bytes of the manifest ${digest}, and says ${size}`);
    }
    const bytes = await wholeOf(file.read());
    if (digestOf(bytes, digestAlgorithm(digest)) === digest) return bytes;
    throw this.#wrong(`has other bytes than those of ${digest}`);
  }

  async #needBlob({ digest, size }: LayoutContent): Promise<void> {
    if (this.#blobs.has(digest)) return;
    const file = await this.#source.find(layoutPath(digest));
    if (file === undefined) throw this.#wrong(`lacks the blob ${digest}`);
    if (file.size !== size) {
      throw this.#wrong(`has ${file.size} bytes of ${digest}, and its image needs ${size}`);
    }
    this.#blobs.set(digest, { digest, size });
  }

  #wrong(what: string): AskError {
    return new AskError("FAILED", `${this.#path} ${what}`);
  }
}

export async function wholeOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}
