/** Brings images into one repository: blobs that are not there yet, then manifests, each image last. */
import { Readable } from "node:stream";
import type { ImportUnderWay } from "../../../doors/back-office/carried-images.ts";
import type { Digest } from "../../../protocol/digest.ts";
import { layoutPath } from "../../../protocol/image-layout.ts";
import type { progressOn } from "../carrying.ts";
import { AskError } from "../control.ts";
import { printBytes } from "../printing.ts";
import type { BroughtContents } from "./layout-contents.ts";
import type { LayoutSource } from "./layout-source.ts";
import type { LayoutContent } from "./layout-target.ts";
import type { CarryLine } from "./line.ts";

export type CarriedWorld = ImportUnderWay["world"];
/** What came, and what was there. */
export type Brought = { blobs: number; bytes: number; there: number };
export type ImageToBring = BroughtContents & { readonly tag: string | undefined };

export type Bringing = {
  /** `ghcr.io/owner/app`, or the name of a repository here. */
  readonly to: { readonly name: string; readonly isHosted?: boolean };
  readonly source: LayoutSource;
  readonly images: readonly ImageToBring[];
  /** Throws AskError where they may not go to that world. */
  readonly check?: (world: CarriedWorld) => void;
  readonly brought: Brought;
  readonly progress: Pick<ReturnType<typeof progressOn>, "tell">;
};

type Told = {
  readonly world: CarriedWorld;
  readonly name: string;
  readonly missing: readonly Digest[];
};

/** Resolves with where they are now. Throws AskError. */
export async function bring(line: CarryLine, bringing: Bringing): Promise<Told> {
  const { to, source, images, brought, progress } = bringing;
  const blobs = new Map(images.flatMap((one) => one.blobs.map((blob) => [blob.digest, blob])));
  const manifests = images.flatMap((one) => one.manifests);
  const sized = manifests.map(({ digest, bytes }) => ({ digest, size: bytes.length }));
  const held = await line.hold<Told>("imports", { ...to, contents: [...blobs.values(), ...sized] });
  try {
    const { id, world, missing } = held.told;
    bringing.check?.(world);
    const wanted = new Set(missing);
    for (const [digest, blob] of blobs) {
      const isMissing = wanted.has(digest);
      if (isMissing) await bringBlob(line, id, source, blob);
      if (isMissing) brought.bytes += blob.size;
      brought[isMissing ? "blobs" : "there"] += 1;
      const through = brought.blobs + brought.there;
      progress.tell(`${through} blobs, ${printBytes(brought.bytes)} brought`);
    }
    for (const image of images) await bringManifests(line, id, image);
    return held.told;
  } finally {
    held.release();
  }
}

async function bringBlob(
  line: CarryLine,
  id: string,
  source: LayoutSource,
  { digest, size }: LayoutContent,
): Promise<void> {
  const file = await source.find(layoutPath(digest));
  if (file === undefined) throw new AskError("FAILED", `${digest} is gone`);
  const body = Readable.from(file.read(), { objectMode: false });
  await line.send(`imports/${id}/blobs?${new URLSearchParams({ digest })}`, body, size);
}

/** The image itself comes last: it has a name from then on. */
async function bringManifests(line: CarryLine, id: string, image: ImageToBring): Promise<void> {
  for (const { digest, mediaType, bytes } of image.manifests) {
    const isNamed = digest === image.digest;
    const query = new URLSearchParams({ digest, type: mediaType, named: String(isNamed) });
    if (isNamed && image.tag !== undefined) query.set("tag", image.tag);
    const body = Readable.from([bytes], { objectMode: false });
    await line.send(`imports/${id}/manifests?${query}`, body, bytes.length);
  }
}
