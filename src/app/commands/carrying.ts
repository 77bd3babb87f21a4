/** What a backup and a restore have in common: keys and pushed blobs go from one folder to another. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Catalogue } from "../../hosted/catalogue.ts";
import type { Digest } from "../../protocol/digest.ts";
import type { RepositoryName } from "../../protocol/reference.ts";
import { carryKeys } from "../../store/disk/backup-folder.ts";
import { CarriedBlobs } from "../../store/disk/carried-blobs.ts";
import { nodeFileSystem, syncPath } from "../../store/disk/file-system.ts";
import { Holds } from "../../store/holds.ts";
import { SqlitePushedRecords } from "../../store/sqlite/sqlite-pushed-records.ts";
import { StoreError } from "../../store/store-error.ts";
import { AskError } from "./control.ts";
import { printBytes } from "./readable-answers.ts";

export type Terminal = Pick<NodeJS.Process, "stdout" | "stderr">;

export type Carrying = {
  readonly from: string;
  /** Has the records already. */
  readonly to: string;
};

export type Lost = { readonly digest: Digest; readonly repositories: readonly RepositoryName[] };

export type CarriedPushed = {
  readonly images: number;
  readonly blobs: number;
  readonly bytes: number;
  readonly isLinked: boolean;
  /** What is damaged or gone. */
  readonly lost: readonly Lost[];
};

/** Shows how far it is. Throws StoreError. */
export async function carryPushed(way: Carrying, { stderr }: Terminal): Promise<CarriedPushed> {
  const progress = progressOn(stderr, Date.now);
  try {
    return await carry(way, progress.tell);
  } finally {
    progress.end();
  }
}

async function carry(
  { from, to }: Carrying,
  progress: (sentence: string) => void,
): Promise<CarriedPushed> {
  const path = join(to, "hosted.sqlite");
  const pushed = await readPushed(path);
  const blobs = new CarriedBlobs(from, to);
  const lost: Lost[] = [];
  const done = { blobs: 0, bytes: 0, linked: 0 };
  for (const [digest, repositories] of pushed.digests) {
    const { how, size } = await blobs.carry(digest);
    if (how === "damaged" || how === "missing") {
      lost.push({ digest, repositories: [...repositories] });
      continue;
    }
    done.blobs += 1;
    done.bytes += size;
    if (how === "linked") done.linked += 1;
    progress(`${done.blobs} of ${pushed.digests.size} blobs, ${printBytes(done.bytes)}`);
  }
  await blobs.sync();
  if (existsSync(path)) await syncPath(nodeFileSystem, path);
  await carryKeys(from, to);
  const { blobs: count, bytes, linked } = done;
  return { images: pushed.images, blobs: count, bytes, isLinked: linked === count, lost };
}

/** Every digest that records name, with the repositories it is in. */
async function readPushed(path: string) {
  const digests = new Map<Digest, Set<RepositoryName>>();
  if (!existsSync(path)) return { images: 0, digests };
  const records = await SqlitePushedRecords.open(path, { mayBeNew: false });
  try {
    const catalogue = await Catalogue.load(records, new Holds());
    let images = 0;
    for (const [name, { blobs, manifests }] of catalogue.repositories()) {
      images += manifests.size;
      for (const digest of [...blobs.keys(), ...manifests.keys()]) {
        digests.set(digest, (digests.get(digest) ?? new Set()).add(name));
      }
    }
    return { images, digests };
  } finally {
    await records.close();
  }
}

/** Throws AskError for what goes wrong with folders. */
export async function toldWhy<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof StoreError ? failedBy(error, error.message) : error;
  }
}

function failedBy(cause: unknown, sentence: string): AskError {
  return new AskError("FAILED", sentence, { cause });
}

/** A line that is written over again and again, for a person who waits. */
export function progressOn(stream: Pick<NodeJS.WriteStream, "isTTY" | "write">, now: () => number) {
  let toldAt = Number.NEGATIVE_INFINITY;
  const clear = "\r\u001b[K";
  return {
    tell: (sentence: string): void => {
      if (!stream.isTTY || now() - toldAt < 200) return;
      toldAt = now();
      stream.write(`${clear}${sentence}`);
    },
    end: (): void => void (stream.isTTY && stream.write(clear)),
  };
}

/** The same, telling of each piece that was taken. */
export async function* passing(bytes: AsyncIterable<Uint8Array>, onPiece: (bytes: number) => void) {
  for await (const piece of bytes) {
    yield piece;
    onPiece(piece.length);
  }
}

/** What was done, and then what is lost. Gives the exit code: 1 where something is. */
export function tellCarried(done: string, lost: readonly Lost[], { stdout, stderr }: Terminal) {
  stdout.write(`${done}\n`);
  for (const line of lostSentences(lost)) stderr.write(`entrepot: ${line}\n`);
  return lost.length === 0 ? 0 : 1;
}

/** `1 image, 5 blobs (3.9 MiB)` */
export function summary({ images, blobs, bytes }: CarriedPushed): string {
  const counted = (count: number, what: string): string =>
    `${count} ${what}${count === 1 ? "" : "s"}`;
  return `${counted(images, "image")}, ${counted(blobs, "blob")} (${printBytes(bytes)})`;
}

/** Sentences for the operator; none where nothing is lost. */
function lostSentences(lost: readonly Lost[]): readonly string[] {
  if (lost.length === 0) return [];
  const shown = lost
    .slice(0, 20)
    .map(({ digest, repositories }) => `  ${digest} of ${repositories.join(", ")}`);
  const more = lost.length > 20 ? [`  … and ${lost.length - 20} more`] : [];
  const what = lost.length === 1 ? "1 blob is" : `${lost.length} blobs are`;
  return [`${what} damaged or gone; push again what needs them:`, ...shown, ...more];
}
