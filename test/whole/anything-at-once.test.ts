import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { openDataFolder } from "../../src/store/disk/data-folder.ts";
import { DiskBlobStore } from "../../src/store/disk/disk-blob-store.ts";
import { Chance } from "../cache/support/chance.ts";
import {
  bytes,
  bytesIn,
  Kitchen,
  prepared,
  refuseWrongBytes,
  right,
} from "../cache/support/kitchen.ts";
import { failingFileSystem } from "../store/disk/fail-nth-call.ts";
import { seeds } from "../support/seeds.ts";

async function turns(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await turn();
}

/** A client who leaves at any moment. */
async function leaves(kitchen: Kitchen, chance: Chance): Promise<void> {
  const leaving = new AbortController();
  const pulled = kitchen.pull({ signal: leaving.signal, buffer: 5_000 });
  const gone = pulled.then(() => undefined, refuseWrongBytes);
  await turns(chance.between(0, 60));
  leaving.abort();
  await gone;
}

async function whatever(kitchen: Kitchen, chance: Chance): Promise<void> {
  const { signal } = new AbortController();
  // Its end is held back until the digest has passed, as a whole body's is.
  const from = chance.between(0, bytes.length - 1);
  const acts = [
    () => right(kitchen, { buffer: chance.between(1_000, 70_000) }).catch(refuseWrongBytes),
    () => right(kitchen, { from, buffer: 30_000 }).catch(refuseWrongBytes),
    () => leaves(kitchen, chance),
    () => kitchen.scrub.run(signal).catch(refuseWrongBytes),
    async () => kitchen.eviction.wake(),
  ];
  for (let count = 0; count < 12; count += 1) {
    await turns(chance.between(0, 30));
    await chance.pick(...acts)();
  }
}

it.each(seeds)(
  "clients, evictions and scrubs at once, on a disk that may fail: nobody gets a wrong body, and nothing stays open (seed %i)",
  async (seed) => {
    const chance = new Chance(seed);
    const fs = failingFileSystem();
    const kept = chance.pick("nothing", "right bytes", "wrong bytes", "the first part");
    const folder = await openDataFolder(await prepared(kept));
    const store = await DiskBlobStore.open(folder, { fs });
    const kitchen = new Kitchen(store, fs, chance.pick(10, Number.POSITIVE_INFINITY));
    if (chance.oneIn(2)) fs.failAt(chance.between(1, 200), "EIO", chance.pick("once", "always"));
    await Promise.all([1, 2, 3, 4, 5].map(() => whatever(kitchen, chance)));
    fs.failAt(0, "");
    await right(kitchen).catch(refuseWrongBytes);
    await right(kitchen);
    await kitchen.close();
    expect([fs.openFiles(), kitchen.upstream.open]).toEqual([0, 0]);
    if (!fs.failed().has("unlink"))
      expect(await bytesIn(join(folder.path, "partial"))).toBe(store.aside);
    folder.close();
  },
);
