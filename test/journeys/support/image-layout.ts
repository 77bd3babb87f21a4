/**
 * Makes images out of nothing: OCI layouts whose layers hold seeded random bytes, so that every run
 * has the same digests and nothing compresses.
 */
import { createCipheriv, createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

export type ImageRecipe = {
  readonly tag: string;
  /** One: a plain manifest; more: an index. The first layer is the same for all of them. */
  readonly platforms: readonly string[];
  /** Bytes in each layer's one file. */
  readonly layers: readonly number[];
  readonly seed: string;
};

type Descriptor = { readonly mediaType: string; readonly digest: string; readonly size: number };
type Layer = { readonly descriptor: Descriptor; readonly diffId: string };

const types = {
  config: "application/vnd.oci.image.config.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  manifest: "application/vnd.oci.image.manifest.v1+json",
};

/** Writes the layout into this folder, which is made. */
export async function makeImageLayout(folder: string, recipe: ImageRecipe): Promise<void> {
  const blobs = join(folder, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
  const manifests: (Descriptor & { platform: object })[] = [];
  for (const platform of recipe.platforms) {
    const [os = "linux", architecture = "amd64"] = platform.split("/");
    const descriptor = await makeManifest(blobs, recipe, platform);
    manifests.push({ ...descriptor, platform: { os, architecture } });
  }
  const isMany = manifests.length > 1;
  const index = { schemaVersion: 2, mediaType: types.index, manifests };
  const top = isMany ? await writeJson(blobs, types.index, index) : manifests[0];
  await writeList(folder, recipe.tag, top);
}

/** What makes a folder of blobs a layout. */
async function writeList(folder: string, tag: string, top: object | undefined): Promise<void> {
  const annotations = { "org.opencontainers.image.ref.name": tag };
  const list = { schemaVersion: 2, manifests: [{ ...top, annotations }] };
  await writeFile(join(folder, "index.json"), JSON.stringify(list));
  await writeFile(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
}

/** A layout with what is no image: a Helm chart of that name, of which nobody reads the content. */
export async function makeChartLayout(
  folder: string,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<void> {
  const blobs = join(folder, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
  const chart = { apiVersion: "v2", name, version };
  const config = await writeJson(blobs, "application/vnd.cncf.helm.config.v1+json", chart);
  const content = await makeLayer(blobs, { seed: name, size: 2_000, name: `${name}/Chart.yaml` });
  const mediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
  const layers = [{ ...content.descriptor, mediaType }];
  const manifest = { schemaVersion: 2, mediaType: types.manifest, config, layers };
  await writeList(folder, version, await writeJson(blobs, types.manifest, manifest));
}

async function makeManifest(
  blobs: string,
  recipe: ImageRecipe,
  platform: string,
): Promise<Descriptor> {
  const layers: Layer[] = [];
  for (const [index, size] of recipe.layers.entries()) {
    const seed = `${recipe.seed}/${index === 0 ? "all" : platform}/${index}`;
    layers.push(await makeLayer(blobs, { seed, size, name: `layer-${index}` }));
  }
  const [os, architecture] = platform.split("/");
  const config = await writeJson(blobs, types.config, {
    created: "2024-01-01T00:00:00Z",
    os,
    architecture,
    config: { Cmd: ["/layer-0"] },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: "2024-01-01T00:00:00Z", created_by: "journey" })),
  });
  return writeJson(blobs, types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  });
}

async function writeJson(blobs: string, mediaType: string, value: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value));
  const hex = createHash("sha256").update(bytes).digest("hex");
  await writeFile(join(blobs, hex), bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

/** A layer by itself, neither packed nor described. */
export async function makeLayerTar(file: string, recipe: LayerRecipe): Promise<void> {
  await pipeline(Readable.from(tar(recipe)), createWriteStream(file));
}

type LayerRecipe = { readonly seed: string; readonly size: number; readonly name: string };

async function makeLayer(blobs: string, recipe: LayerRecipe): Promise<Layer> {
  const plain = createHash("sha256");
  const packed = createHash("sha256");
  let size = 0;
  const partial = join(blobs, "layer.partial");
  await pipeline(
    Readable.from(tar(recipe)),
    async function* (pieces: AsyncIterable<Buffer>) {
      for await (const piece of pieces) {
        plain.update(piece);
        yield piece;
      }
    },
    // Random bytes do not compress: level 0 wraps them, quickly.
    createGzip({ level: 0 }),
    async function* (pieces: AsyncIterable<Buffer>) {
      for await (const piece of pieces) {
        packed.update(piece);
        size += piece.length;
        yield piece;
      }
    },
    createWriteStream(partial),
  );
  const hex = packed.digest("hex");
  await rename(partial, join(blobs, hex));
  const descriptor = { mediaType: types.layer, digest: `sha256:${hex}`, size };
  return { descriptor, diffId: `sha256:${plain.digest("hex")}` };
}

/** A tar archive with one file in it. */
function* tar({ seed, size, name }: LayerRecipe): Generator<Buffer> {
  yield tarHeader(name, size);
  const cipher = createCipheriv("aes-128-ctr", keyOf(seed), Buffer.alloc(16));
  const zeros = Buffer.alloc(1024 * 1024);
  for (let left = size; left > 0; left -= zeros.length) {
    yield cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
  }
  yield Buffer.alloc((512 - (size % 512)) % 512);
  yield Buffer.alloc(1024);
}

function keyOf(seed: string): Buffer {
  return createHash("sha256").update(seed).digest().subarray(0, 16);
}

/** POSIX.1-1988 (ustar). */
function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  header.write(name, 0);
  header.write(octal(0o644, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(size, 11), 124);
  header.write(octal(1_704_067_200, 11), 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
