/**
 * `entrepot images import FILE|FOLDER`: images of a layout into a registry of ours, or kept as another
 * registry's. All of it is looked at before anything is brought, each byte is hashed where it is written,
 * and what is there whole is not brought again.
 */
import { progressOn, toldWhy } from "../carrying.ts";
import { AskError, type ServerAsked } from "../control.ts";
import { count } from "../garbage.ts";
import { printBytes } from "../readable-answers.ts";
import { type Brought, bring, type CarriedWorld } from "./bringing.ts";
import { dockerArchive } from "./docker-archive.ts";
import type { CarryTerminal } from "./export.ts";
import { type BroughtImage, entriesIn, imagesIn } from "./layout-images.ts";
import { type LayoutSource, openSource } from "./layout-source.ts";
import { onLine } from "./line.ts";

export type ImportFlags = { readonly as?: string; readonly json?: boolean };

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
    const worlds = new Map<string, CarriedWorld>();
    try {
      await onLine(asked, async (line) => {
        for (const [repository, images] of Map.groupBy(parcel.images, (one) => one.repository)) {
          const { world } = await bring(line, {
            ...{ to: { name: repository }, source: parcel.source, images, brought, progress },
            check: (goesTo) => {
              if (parcel.isMade && goesTo === "cached") throw noneOfTheirs(path, repository);
            },
          });
          worlds.set(repository, world);
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

function noneOfTheirs(path: string, repository: string): AskError {
  const sentence = `${path} was saved by a Docker that keeps no manifests, so it is not what ${repository} has; give it a name in a registry of your own: --as HOST/REPOSITORY:TAG with a host of HOSTED_HOSTS`;
  return new AskError("FAILED", sentence);
}

function tell(
  images: readonly BroughtImage[],
  worlds: ReadonlyMap<string, CarriedWorld>,
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
