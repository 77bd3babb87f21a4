/** The images a journey pulls: made once, and pushed by skopeo into storage that registries then serve. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type ImageRecipe, makeChartLayout, makeImageLayout } from "../image-layout.ts";
import { runWell } from "../program.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import { ghcr, hub, quay } from "./look-alikes.ts";

type Image = ImageRecipe & {
  readonly registry: string;
  readonly repository: string;
  readonly format?: "v2s2";
  /** Layers packed anew, so that they can be had in parts. */
  readonly compression?: "zstd:chunked";
  readonly isChart?: true;
};

const KiB = 1024;
const MiB = 1024 * KiB;

/** The private registry of the guides. */
const corporate = "registry.corp.example";

/** The size of the large image's large layer. */
export const largeLayer = 210 * MiB;

const images: readonly Image[] = [
  {
    registry: hub.registry,
    repository: "library/alpine",
    tag: "3.20",
    platforms: ["linux/amd64", "linux/arm64", "linux/s390x"],
    layers: [900 * KiB, 40 * KiB, 3 * MiB],
    seed: "alpine",
  },
  {
    registry: hub.registry,
    repository: "library/busybox",
    tag: "1.36",
    platforms: ["linux/amd64", "linux/arm64"],
    layers: [500 * KiB, 2 * KiB],
    seed: "busybox",
    format: "v2s2",
  },
  {
    registry: hub.registry,
    repository: "acme/large",
    tag: "1",
    platforms: ["linux/amd64"],
    layers: [64 * KiB, 2 * MiB, largeLayer],
    seed: "large",
  },
  {
    registry: hub.registry,
    repository: "acme/chunked",
    tag: "1",
    platforms: ["linux/amd64"],
    layers: [64 * KiB, 8 * MiB],
    seed: "chunked",
    compression: "zstd:chunked",
  },
  // Its large layer begins with what is in that of tag 1.
  {
    registry: hub.registry,
    repository: "acme/chunked",
    tag: "2",
    platforms: ["linux/amd64"],
    layers: [64 * KiB, 10 * MiB],
    seed: "chunked",
    compression: "zstd:chunked",
  },
  {
    registry: hub.registry,
    repository: "acme/private",
    tag: "1",
    platforms: ["linux/amd64"],
    layers: [300 * KiB, 1 * MiB],
    seed: "private",
  },
  {
    registry: ghcr.registry,
    repository: "acme/tool",
    tag: "1",
    platforms: ["linux/amd64", "linux/arm64"],
    layers: [200 * KiB, 1 * MiB],
    seed: "tool",
  },
  {
    registry: ghcr.registry,
    repository: "owner/app",
    tag: "1",
    platforms: ["linux/amd64"],
    layers: [100 * KiB, 300 * KiB],
    seed: "owner",
  },
  {
    registry: ghcr.registry,
    repository: "acme/chart",
    tag: "1.0.0",
    platforms: [],
    layers: [],
    seed: "chart",
    isChart: true,
  },
  {
    registry: corporate,
    repository: "team/app",
    tag: "1",
    platforms: ["linux/amd64"],
    layers: [100 * KiB, 300 * KiB],
    seed: "team",
  },
  {
    registry: quay.registry,
    repository: "acme/thing",
    tag: "1",
    platforms: ["linux/amd64"],
    layers: [200 * KiB, 1 * MiB],
    seed: "thing",
  },
];

/**
 * Gives a folder with storage for each registry host, made under `parent` unless an earlier run made
 * the very same images there.
 */
export async function pushImages(parent: string): Promise<string> {
  const recipe = createHash("sha256").update(JSON.stringify(images)).digest("hex");
  const folder = join(parent, `images-${recipe.slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  for (const registry of new Set(images.map((image) => image.registry))) {
    await pushAll(partial, registry);
  }
  await rename(partial, folder);
  return folder;
}

async function pushAll(folder: string, registry: string): Promise<void> {
  const storage = join(folder, registry);
  const server = await startDockerRegistry({ storage, folder: join(folder, "config") });
  try {
    for (const image of images.filter((each) => each.registry === registry)) {
      await push(image, join(folder, "layout"), server.port);
    }
  } finally {
    await server.stop();
  }
}

async function push(image: Image, layout: string, port: number): Promise<void> {
  if (image.isChart) await makeChartLayout(layout, { name: "chart", version: image.tag });
  else await makeImageLayout(layout, image);
  const target = `docker://127.0.0.1:${port}/${image.repository}:${image.tag}`;
  const format = image.format === undefined ? [] : ["--format", image.format];
  const { compression } = image;
  const packed = compression === undefined ? [] : ["--dest-compress-format", compression];
  const options = ["--all", "--dest-tls-verify=false", "--insecure-policy", ...format, ...packed];
  await runWell("skopeo", ["copy", ...options, `oci:${layout}:${image.tag}`, target]);
  await rm(layout, { recursive: true });
}
