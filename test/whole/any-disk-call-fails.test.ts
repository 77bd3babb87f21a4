/**
 * The cache over a real folder whose N-th call to the system fails, once or from then on, for every
 * N: clients never get a wrong body, those who fetch are never failed, nothing stays open.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openDataFolder } from "../../src/store/disk/data-folder.ts";
import { DiskBlobStore } from "../../src/store/disk/disk-blob-store.ts";
import {
  bytesIn,
  type Kept,
  Kitchen,
  prepared,
  refuseWrongBytes,
  right,
} from "../cache/support/kitchen.ts";
import { failingFileSystem } from "../store/disk/fail-nth-call.ts";

const atOnce = 8;

type Story = {
  readonly kept: Kept;
  /** Whether a client may be failed: who fetches may not, whatever the disk does. */
  readonly mayFail: boolean;
  /** Bytes that may be kept. */
  readonly maxSize?: number;
  readonly tell: (kitchen: Kitchen) => Promise<unknown>;
};

const crowd = (kitchen: Kitchen): Promise<unknown> =>
  Promise.all([
    right(kitchen),
    right(kitchen, { buffer: 100_000 }),
    right(kitchen, { from: 290_000 }),
    right(kitchen, { from: 10, to: 100_000 }),
  ]);

const stories: readonly (readonly [string, Story])[] = [
  ["four clients of a cold blob", { kept: "nothing", mayFail: false, tell: crowd }],
  ["four clients of a blob taken up", { kept: "the first part", mayFail: false, tell: crowd }],
  ["four clients of a blob in doubt", { kept: "right bytes", mayFail: true, tell: crowd }],
  ["four clients of a blob gone bad", { kept: "wrong bytes", mayFail: true, tell: crowd }],
  [
    "a pull, a hit, an eviction and a pull",
    {
      ...{ kept: "nothing", mayFail: true, maxSize: 10 },
      tell: async (kitchen) => {
        await right(kitchen);
        await right(kitchen);
        kitchen.eviction.wake();
        await kitchen.eviction.settled();
        await right(kitchen);
      },
    },
  ],
  [
    "a scrub that finds a blob gone bad, with two clients meanwhile, and another scrub",
    {
      ...{ kept: "wrong bytes", mayFail: true },
      tell: async (kitchen) => {
        const { signal } = new AbortController();
        const scrub = kitchen.scrub.run(signal);
        await Promise.allSettled([scrub, right(kitchen), right(kitchen, { from: 200_000 })]);
        await kitchen.scrub.run(signal);
        await right(kitchen);
      },
    },
  ],
];

const kinds = [
  ["fails with EIO", "once", "EIO"],
  ["fails with EMFILE", "once", "EMFILE"],
  ["and all after it fail with EIO", "always", "EIO"],
  ["and all after it fail with ENOSPC", "always", "ENOSPC"],
] as const;

/** Whether there was such a call at all. */
async function failsWell(story: Story, call: number, how: "once" | "always", code: string) {
  const fs = failingFileSystem();
  const folder = await openDataFolder(await prepared(story.kept));
  const store = await DiskBlobStore.open(folder, { fs });
  const kitchen = new Kitchen(store, fs, story.maxSize ?? Number.POSITIVE_INFINITY);
  fs.failAt(call, code, how);
  const told = story.tell(kitchen);
  await (story.mayFail ? told.catch(refuseWrongBytes) : told);
  const hasFailed = fs.failed().size > 0;
  fs.failAt(0, "");
  const when = `call ${call}, ${[...fs.failed()]}`;
  // The disk is well again, and so is the next client; one may have to find out what is wrong.
  await right(kitchen).catch(refuseWrongBytes);
  await right(kitchen);
  await kitchen.close();
  expect(fs.openFiles(), when).toBe(0);
  expect(kitchen.upstream.open, when).toBe(0);
  // What lies there is known, so it is made use of or goes.
  if (!fs.failed().has("unlink"))
    expect(await bytesIn(join(folder.path, "partial")), when).toBe(store.aside);
  folder.close();
  return hasFailed;
}

describe.each(stories)("%s", (_name, story) => {
  it.each(kinds)(
    "whichever call to the disk %s",
    async (_none, how, code) => {
      // Several at a time: they mostly wait for the disk.
      for (let first = 1, isMore = true; isMore; first += atOnce) {
        const calls = Array.from({ length: atOnce }, (_item, index) => first + index);
        const ends = await Promise.all(calls.map((call) => failsWell(story, call, how, code)));
        isMore = ends.every((hasFailed) => hasFailed);
      }
    },
    60_000,
  );
});
