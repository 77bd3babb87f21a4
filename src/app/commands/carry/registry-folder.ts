/**
 * The folder in which distribution's registry keeps what was pushed to it, or what it has cached:
 *
 *     blobs/sha256/ab/<hex>/data
 *     repositories/<name>/_manifests/tags/<tag>/current/link    a digest, as text
 *     repositories/<name>/_manifests/revisions/sha256/<hex>/link
 */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, digestAlgorithm, digestHex, parseDigest } from "../../../protocol/digest.ts";
import { isJsonBomb, maxManifestBytes } from "../../../protocol/manifest.ts";
import { isManifestType, ociIndex, ociManifest } from "../../../protocol/media-type.ts";
import { parseRepositoryName, parseTag } from "../../../protocol/reference.ts";
import { AskError } from "../control.ts";
import { wholeOf } from "./layout-contents.ts";
import { folderSource, type LayoutSource, type SourceFile } from "./layout-source.ts";

export type KeptRepository = {
  readonly name: string;
  readonly tags: ReadonlyMap<string, Digest>;
  /** Manifests, with and without a tag. */
  readonly revisions: readonly Digest[];
};

const longestLink = 200;

export class RegistryFolder {
  /** The blobs, as a layout has them. */
  readonly source: LayoutSource;
  readonly #root: string;
  readonly #files: LayoutSource;

  /** Throws AskError where it is none. */
  static async open(path: string): Promise<RegistryFolder> {
    for (const root of [join(path, "docker/registry/v2"), path]) {
      const its = await lstat(join(root, "repositories")).catch(() => undefined);
      if (its?.isDirectory() === true) return new RegistryFolder(root);
    }
    const sentence = `${path} is no folder of a registry: it has no docker/registry/v2/repositories`;
    throw new AskError("FAILED", sentence);
  }

  private constructor(root: string) {
    this.#root = root;
    this.#files = folderSource(root);
    this.source = {
      find: (name) => this.#blobAt(name),
      close: async () => undefined,
    };
  }

  async *repositories(): AsyncGenerator<KeptRepository> {
    yield* this.#below("");
  }

  /** What the manifest is; undefined when its bytes are not there, or are none. */
  async describe(digest: Digest) {
    const file = await this.#blob(digest);
    if (file === undefined || file.size > maxManifestBytes) return undefined;
    const bytes = await wholeOf(file.read());
    const mediaType = isJsonBomb(bytes) ? undefined : typeOf(bytes);
    return mediaType === undefined ? undefined : { digest, mediaType, size: file.size };
  }

  async *#below(name: string): AsyncGenerator<KeptRepository> {
    const names = await this.#namesIn(join("repositories", name));
    if (names.includes("_manifests") && parseRepositoryName(name) !== undefined) {
      yield await this.#repository(name);
    }
    for (const one of names) {
      if (one.startsWith("_")) continue;
      yield* this.#below(name === "" ? one : `${name}/${one}`);
    }
  }

  async #repository(name: string): Promise<KeptRepository> {
    const folder = join("repositories", name, "_manifests");
    const tags = new Map<string, Digest>();
    for (const tag of await this.#namesIn(join(folder, "tags"))) {
      const digest = parseTag(tag) && (await this.#link(join(folder, "tags", tag, "current/link")));
      if (digest !== undefined) tags.set(tag, digest);
    }
    const revisions: Digest[] = [];
    for (const algorithm of ["sha256", "sha512"]) {
      for (const hex of await this.#namesIn(join(folder, "revisions", algorithm))) {
        // What was deleted has lost its link.
        const link = await this.#link(join(folder, "revisions", algorithm, hex, "link"));
        if (link !== undefined) revisions.push(link);
      }
    }
    return { name, tags, revisions };
  }

  async #link(path: string): Promise<Digest | undefined> {
    const file = await this.#files.find(path).catch(() => undefined);
    if (file === undefined || file.size > longestLink) return undefined;
    return parseDigest((await wholeOf(file.read())).toString("utf8").trim());
  }

  async #namesIn(path: string): Promise<readonly string[]> {
    const entries = await readdir(join(this.#root, path), { withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  }

  #blobAt(layoutName: string): Promise<SourceFile | undefined> {
    const [, algorithm = "", hex = ""] = /^blobs\/(\w+)\/([0-9a-f]+)$/.exec(layoutName) ?? [];
    const digest = parseDigest(`${algorithm}:${hex}`);
    return digest === undefined ? Promise.resolve(undefined) : this.#blob(digest);
  }

  #blob(digest: Digest): Promise<SourceFile | undefined> {
    const hex = digestHex(digest);
    return this.#files.find(join("blobs", digestAlgorithm(digest), hex.slice(0, 2), hex, "data"));
  }
}

/** It is not written down beside it: some manifests do not say, and are known by what they have. */
function typeOf(bytes: Uint8Array): string | undefined {
  try {
    const document = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof document.mediaType === "string") {
      return isManifestType(document.mediaType) ? document.mediaType : undefined;
    }
    if (Array.isArray(document.manifests)) return ociIndex;
    return Array.isArray(document.layers) && document.config ? ociManifest : undefined;
  } catch {
    return undefined;
  }
}
