/**
 * `entrepot images import FILE|FOLDER`: images of a layout into a registry of ours, or kept as another
 * registry's. All of it is looked at before anything is brought, each byte is hashed where it is written,
 * and what is there whole is not brought again.
 */
import { Readable } from "node:stream";
import type { ImportUnderWay } from "../../../doors/back-office/carried-images.ts";
import type { Digest } from "../../../protocol/digest.ts";
import { layoutPath } from "../../../protocol/image-layout.ts";
import { progressOn, toldWhy } from "../carrying.ts";
import { AskError, type ServerAsked } from "../control.ts";
import { count } from "../garbage.ts";
import { printBytes } from "../printing.ts";
import { dockerArchive } from "./docker-archive.ts";
import type { CarryTerminal } from "./export.ts";
import type { BroughtManifest } from "./layout-contents.ts";
import { type BroughtImage, entriesIn, imagesIn } from "./layout-images.ts";
import { type LayoutSource, openSource } from "./layout-source.ts";
import type { LayoutContent } from "./layout-target.ts";
import { type CarryLine, onLine } from "./line.ts";

export type ImportFlags = { readonly as?: string; readonly json?: boolean };

type World = ImportUnderWay["world"];
type Told = { readonly world: World; readonly missing: readonly Digest[] };
type Progress = ReturnType<typeof progressOn>;
type Brought = { blobs: number; bytes: number; there: number };
type Parcel = {
  readonly source: LayoutSource;
  readonly images: readonly BroughtImage[];
  /** Their manifests are made here, and no registry has them. */
  readonly isMade: boolean;
};

/** Resolves with the exit code. Throws AskError. */
export function importImages(
  asked: ServerAsked,
  path: string,
  flags: ImportFlags,
  terminal: CarryTerminal,
): Promise<number> {
  const work = async (): Promise<number> => {
    const parcel = await unpacked(path, flags.as);
    const brought: Brought = { blobs: 0, bytes: 0, there: 0 };
    const progress = progressOn(terminal.stderr, Date.now);
    const worlds = new Map<string, World>();
    try {
      await onLine(asked, async (line) => {
        for (const [repository, images] of Map.groupBy(parcel.images, (one) => one.repository)) {
          const its = { ...parcel, images };
          worlds.set(repository, await bring(line, { path, repository, its, brought, progress }));
        }
      });
    } finally {
      progress.end();
      await parcel.source.close();
    }
    tell(parcel.images, worlds, { brought, isJson: flags.json === true }, terminal);
    return 0;
  };
  return toldWhy(work());
}

async function unpacked(path: string, as: string | undefined): Promise<Parcel> {
  const source = await openSource(path);
  try {
    const entries = await entriesIn(path, source);
    if (entries !== undefined) {
      return { source, images: await imagesIn(path, source, entries, as), isMade: false };
    }
    const old = await dockerArchive(path, source);
    if (old === undefined) {
      const sentence = `${path} is no image layout: it has no index.json, nor docker's manifest.json`;
      throw new AskError("FAILED", sentence);
    }
    const images = await imagesIn(path, old.source, old.entries, as);
    return { source: old.source, images, isMade: true };
  } catch (error) {
    await source.close();
    throw error;
  }
}

type Bringing = {
  readonly path: string;
  readonly repository: string;
  readonly its: Parcel;
  readonly brought: Brought;
  readonly progress: Progress;
};

async function bring(line: CarryLine, bringing: Bringing): Promise<World> {
  const { path, repository, its, brought, progress } = bringing;
  const blobs = new Map(its.images.flatMap((one) => one.blobs.map((blob) => [blob.digest, blob])));
  const manifests = its.images.flatMap((one) => one.manifests);
  const contents = [...blobs.values(), ...manifests.map(contentOf)];
  const held = await line.hold<Told>("imports", { name: repository, contents });
  try {
    const { id, world, missing } = held.told;
    if (its.isMade && world === "cached") throw noneOfTheirs(path, repository);
    const wanted = new Set(missing);
    for (const [digest, blob] of blobs) {
      if (wanted.has(digest)) await bringBlob(line, id, its.source, blob);
      if (wanted.has(digest)) brought.bytes += blob.size;
      brought[wanted.has(digest) ? "blobs" : "there"] += 1;
      const through = brought.blobs + brought.there;
      progress.tell(`${through} of ${blobs.size} blobs, ${printBytes(brought.bytes)} brought`);
    }
    for (const image of its.images) await bringManifests(line, id, image);
    return world;
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
async function bringManifests(line: CarryLine, id: string, image: BroughtImage): Promise<void> {
  for (const { digest, mediaType, bytes } of image.manifests) {
    const isNamed = digest === image.digest;
    const query = new URLSearchParams({ digest, type: mediaType, named: String(isNamed) });
    if (isNamed && image.tag !== undefined) query.set("tag", image.tag);
    const body = Readable.from([bytes], { objectMode: false });
    await line.send(`imports/${id}/manifests?${query}`, body, bytes.length);
  }
}

function contentOf({ digest, bytes }: BroughtManifest): LayoutContent {
  return { digest, size: bytes.length };
}

function noneOfTheirs(path: string, repository: string): AskError {
  const sentence = `${path} was saved by a Docker that keeps no manifests, so it is not what ${repository} has; give it a name in a registry of your own: --as HOST/REPOSITORY:TAG with a host of HOSTED_HOSTS`;
  return new AskError("FAILED", sentence);
}

function tell(
  images: readonly BroughtImage[],
  worlds: ReadonlyMap<string, World>,
  { brought, isJson }: { readonly brought: Brought; readonly isJson: boolean },
  { stdout }: CarryTerminal,
): void {
  const told = images.map(({ repository, tag, digest, platforms, isAbout }) => ({
    ...{ name: `${repository}${tag === undefined ? `@${digest}` : `:${tag}`}`, digest, platforms },
    ...{ isAbout, world: worlds.get(repository) },
  }));
  if (isJson) {
    stdout.write(`${JSON.stringify({ images: told, ...brought })}\n`);
    return;
  }
  const others = told.filter(({ isAbout }) => isAbout).length;
  for (const { name, platforms, world, isAbout } of told) {
    if (isAbout) continue;
    const what = platforms.length === 0 ? "" : ` for ${platforms.join(", ")}`;
    stdout.write(
      `imported ${name}${what}, ${world === "hosted" ? "as if it was pushed" : "cached"}\n`,
    );
  }
  if (others > 0)
    stdout.write(`  with ${count(others, "manifest")} about it: signatures and the like\n`);
  const there = brought.there === 0 ? "" : `; ${brought.there} were there`;
  stdout.write(`brought ${count(brought.blobs, "blob")} (${printBytes(brought.bytes)})${there}\n`);
}
