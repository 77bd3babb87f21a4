/**
 * Archives of `docker save` before it wrote layouts: images without manifests, as a config and plain tar
 * layers. A manifest is made for each; its digest is then ours, and no registry knows it.
 */
import { parseImageName } from "../../../doors/back-office/image-name.ts";
import { type Digest, digestOf, parseDigest } from "../../../protocol/digest.ts";
import {
  type LayoutEntry,
  layoutNames,
  layoutPath,
  readLayoutList,
} from "../../../protocol/image-layout.ts";
import { isJsonBomb, maxManifestBytes } from "../../../protocol/manifest.ts";
import { ociManifest } from "../../../protocol/media-type.ts";
import { AskError } from "../control.ts";
import { wholeOf } from "./layout-contents.ts";
import type { LayoutSource, SourceFile } from "./layout-source.ts";

export type DockerArchive = {
  readonly entries: readonly LayoutEntry[];
  readonly source: LayoutSource;
};

type Listed = {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
};

const configType = "application/vnd.oci.image.config.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";

/** The same as a layout; undefined where it is none of these. Throws AskError when it makes no sense. */
export async function dockerArchive(
  path: string,
  source: LayoutSource,
): Promise<DockerArchive | undefined> {
  const list = await source.find("manifest.json");
  if (list === undefined) return undefined;
  const listed = await jsonIn(path, "manifest.json", list);
  if (!Array.isArray(listed) || !listed.every(isListed))
    throw wrong(path, "has a manifest.json that makes no sense");
  const files = new Map<string, SourceFile>();
  const descriptors: object[] = [];
  for (const one of listed as readonly Listed[])
    descriptors.push(...(await layoutOf(path, source, one, files)));
  const entries = readLayoutList(Buffer.from(JSON.stringify({ manifests: descriptors }))) ?? [];
  if (entries.length === 0) throw wrong(path, "lists no image");
  return {
    entries,
    source: { find: async (name) => files.get(name), close: () => source.close() },
  };
}

async function layoutOf(
  path: string,
  source: LayoutSource,
  { Config, RepoTags, Layers }: Listed,
  files: Map<string, SourceFile>,
): Promise<readonly object[]> {
  const file = await source.find(Config);
  if (file === undefined) throw wrong(path, `lacks ${JSON.stringify(Config)}`);
  const config = await jsonIn(path, Config, file);
  const bytes = await wholeOf(file.read());
  const { diff_ids: ids } =
    (config as { readonly rootfs?: { readonly diff_ids?: unknown } }).rootfs ?? {};
  const digests = Array.isArray(ids) ? ids.map((id) => parseDigest(String(id))) : [];
  if (digests.length !== Layers.length) throw wrong(path, `has other layers than ${Config} says`);
  const layers: object[] = [];
  for (const [at, name] of Layers.entries()) {
    const [digest, layer] = [digests[at], await source.find(name)];
    if (digest === undefined || layer === undefined)
      throw wrong(path, `lacks the layer ${JSON.stringify(name)}`);
    files.set(layoutPath(digest), layer);
    layers.push({ mediaType: layerType, digest, size: layer.size });
  }
  const configDigest = digestOf(bytes);
  files.set(layoutPath(configDigest), file);
  const manifest = Buffer.from(
    JSON.stringify({
      ...{ schemaVersion: 2, mediaType: ociManifest },
      config: { mediaType: configType, digest: configDigest, size: bytes.length },
      layers,
    }),
  );
  const digest: Digest = digestOf(manifest);
  files.set(layoutPath(digest), { size: manifest.length, read: () => once(manifest) });
  const described = { mediaType: ociManifest, digest, size: manifest.length };
  const names = (RepoTags ?? []).filter((name) => parseImageName(name) !== undefined);
  if (names.length === 0) return [described];
  return names.map((name) => ({ ...described, annotations: layoutNames(name, undefined) }));
}

async function jsonIn(path: string, name: string, file: SourceFile): Promise<unknown> {
  const bytes = file.size > maxManifestBytes ? undefined : await wholeOf(file.read());
  if (bytes === undefined || isJsonBomb(bytes)) throw wrong(path, `has too much in ${name}`);
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw wrong(path, `has no JSON in ${name}`, error);
  }
}

function isListed(value: unknown): value is Listed {
  const { Config, RepoTags, Layers } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const areTexts = (list: unknown): boolean =>
    Array.isArray(list) && list.every((one) => typeof one === "string");
  return (
    typeof Config === "string" &&
    areTexts(Layers) &&
    (RepoTags === null || RepoTags === undefined || areTexts(RepoTags))
  );
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function wrong(path: string, what: string, cause?: unknown): AskError {
  return new AskError("FAILED", `${path} ${what}`, { cause });
}
