/** Images and blobs at the registry for clients that ask for anything. */
import { cutAt, slow } from "../../../support/fake-registry/fault.ts";
import type { MixedBlob, MixedImage } from "./clients/jobs.ts";
import { MiB, repository, type Scene } from "./scene.ts";
import { below, seededBytes, seededRandom } from "./seeded.ts";

export type Corpus = {
  readonly repository: string;
  readonly blobs: readonly MixedBlob[];
  readonly images: readonly MixedImage[];
};

/** Of so many blobs four are an image and the rest in none: what was just listed is not evicted. */
const blobsPerImage = 12;

/** Blobs of these sizes, and images of some of them. */
export function fillRegistry(scene: Scene, sizes: readonly number[]): Corpus {
  const blobs = sizes.map((size, index): MixedBlob => {
    const seed = `blob ${index}`;
    return { seed, size, digest: scene.upstream.addBlob(seededBytes(seed, size)) };
  });
  const images: MixedImage[] = [];
  for (let start = 0; start < blobs.length; start += blobsPerImage) {
    const layers = blobs.slice(start, start + 4);
    const tag = `v${start / blobsPerImage}`;
    images.push({ tag, digest: scene.upstream.addManifest(repository, tag, manifestOf(layers)) });
  }
  return { repository, blobs, images };
}

/** So many sizes from 1 KiB to `largest`, small ones more often. */
export function manySizes(count: number, largest: number): readonly number[] {
  const random = seededRandom(count);
  return Array.from({ length: count }, () => Math.floor(1_024 + (largest - 1_024) * random() ** 2));
}

/** Now and then a body breaks off or dawdles. */
export function makeTrouble({ upstream }: Scene, { blobs }: Corpus, seed: number): void {
  const random = seededRandom(seed);
  for (const { digest, size } of blobs) {
    const path = new RegExp(`/blobs/${digest}`);
    const luck = random();
    if (luck < 0.2)
      upstream.misbehave({ method: "GET", path, times: 1 }, cutAt(below(random, size)));
    else if (luck < 0.5) upstream.misbehave({ method: "GET", path }, slow(4 * MiB));
  }
}

function manifestOf(layers: readonly MixedBlob[]): object {
  const describe = ({ digest, size }: MixedBlob) => ({
    mediaType: "application/vnd.oci.image.layer.v1.tar",
    digest,
    size,
  });
  return {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.empty.v1+json", digest: emptyDigest, size: 2 },
    layers: layers.map(describe),
  };
}

const emptyDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
