/**
 * A start writes a little, and only then anything can be evicted: on a full volume it would fail, and
 * again and again until somebody comes. So parts set aside go before it, then the
 * blobs not used for longest.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { BlobSpace } from "../blob-space.ts";
import type { BlobStore, KeptBlob } from "../blob-store.ts";
import { StoreError } from "../store-error.ts";
import type { ObserveStore } from "../store-event.ts";

type Store = Pick<BlobStore, "list" | "delete"> & BlobSpace;

/** The records want this much for what is written until they are looked after. */
const enough = 4 * 1024 * 1024;
/** With less they cannot be opened at all. */
const tooLittle = 64 * 1024;

/** Throws StoreError FULL, with a sentence for the operator, when nothing helps. */
export async function makeRoomToStart(
  path: string,
  store: Store,
  observe: ObserveStore,
): Promise<void> {
  if (!(await isOneVolume(path)) || (await freeIn(store)) >= enough) return;
  await store.clearAside();
  const made = { blobs: 0, bytes: 0 };
  for (const { digest, size } of await longestUnused(store)) {
    if ((await freeIn(store)) >= enough) break;
    if (!(await store.delete(digest).catch(() => false))) continue;
    made.blobs += 1;
    made.bytes += size;
  }
  if (made.blobs > 0) observe({ kind: "roomMade", ...made });
  if ((await freeIn(store)) >= tooLittle) return;
  throw new StoreError("FULL", `${path} is on a volume without any room left; free some`);
}

/** Blobs on a volume of their own make no room for what lies beside them. */
async function isOneVolume(path: string): Promise<boolean> {
  const [folder, blobs] = await Promise.all([stat(path), stat(join(path, "blobs"))]);
  return folder.dev === blobs.dev;
}

async function freeIn(store: Store): Promise<number> {
  return (await store.space())?.free ?? Number.POSITIVE_INFINITY;
}

async function longestUnused(store: Store): Promise<readonly KeptBlob[]> {
  const kept: KeptBlob[] = [];
  for await (const blob of store.list()) kept.push(blob);
  return kept.sort((a, b) => a.usedAt - b.usedAt);
}
