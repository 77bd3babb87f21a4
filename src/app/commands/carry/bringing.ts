/** Brings images into one repository: blobs that are not there yet, then manifests, each image last. */
import { Readable } from "node:stream";
import type { ImportUnderWay } from "../../../doors/back-office/carried-images.ts";
import type { Digest } from "../../../protocol/digest.ts";
import { layoutPath } from "../../../protocol/image-layout.ts";
import { passing, type progressOn } from "../carrying.ts";
import { AskError } from "../control.ts";
import { printBytes } from "../readable-answers.ts";
import type { BroughtContents } from "./layout-contents.ts";
import type { LayoutSource, SourceFile } from "./layout-source.ts";
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
    const wanted = missing.flatMap((digest) => blobs.get(digest) ?? []);
    brought.there += blobs.size - wanted.length;
    const all = wanted.reduce((sum, { size }) => sum + size, 0);
    let sent = 0;
    const onSent = (bytes: number): void => {
      sent += bytes;
      progress.tell(`${to.name}: ${printBytes(sent)} of ${printBytes(all)} brought`);
    };
    for (const blob of wanted) {
      await bringBlob(line, id, await fileOf(source, blob), { ...blob, onSent });
      brought.bytes += blob.size;
      brought.blobs += 1;
    }
    for (const image of images) await bringManifests(line, id, image);
    return held.told;
  } finally {
    held.release();
  }
}

/** Throws AskError. */
async function fileOf(source: LayoutSource, { digest }: LayoutContent): Promise<SourceFile> {
  const file = await source.find(layoutPath(digest));
  if (file === undefined) throw new AskError("FAILED", `${digest} is gone`);
  return file;
}

async function bringBlob(
  line: CarryLine,
  id: string,
  file: SourceFile,
  { digest, size, onSent }: LayoutContent & { readonly onSent: (bytes: number) => void },
): Promise<void> {
  const body = Readable.from(passing(file.read(), onSent), { objectMode: false });
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
