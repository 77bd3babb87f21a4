import { mkdir, rmdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/protocol/digest.ts";
import type { BlobSpace } from "../../../src/store/blob-space.ts";
import { makeRoomToStart } from "../../../src/store/disk/room-to-start.ts";
import type { StoreEvent } from "../../../src/store/store-event.ts";
import { keep, listed } from "../../contracts/blob-store.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

const MiB = 1024 * 1024;
const older = Buffer.alloc(3 * MiB, "older");
const newer = Buffer.alloc(3 * MiB, "newer");

/** Two blobs on a volume that has this much room beside them. */
async function newVolume(free: number) {
  const path = await temporaryFolder();
  await mkdir(join(path, "blobs"));
  let now = 0;
  const blobs = new MemoryBlobStore({ now: () => now });
  await keep(blobs, older);
  now = 1;
  await keep(blobs, newer);
  const space: BlobSpace["space"] = async () => {
    let kept = blobs.aside;
    for await (const { size } of blobs.list()) kept += size;
    return { free: free + 6 * MiB - kept, total: 100 * MiB };
  };
  const events: StoreEvent[] = [];
  const start = () =>
    makeRoomToStart(path, Object.assign(blobs, { space }), (event) => events.push(event));
  return { path, blobs, events, start };
}

describe("a start on a volume", () => {
  it("with room enough takes nothing away", async () => {
    const { blobs, events, start } = await newVolume(4 * MiB);
    await start();
    expect(await listed(blobs)).toHaveLength(2);
    expect(events).toEqual([]);
  });

  it("that is nearly full lets go of what was not used for longest, and says so", async () => {
    const { blobs, events, start } = await newVolume(MiB);
    await start();
    expect(await listed(blobs)).toEqual([digestOf(newer)]);
    expect(events).toEqual([{ kind: "roomMade", blobs: 1, bytes: older.length }]);
  });

  it("that is nearly full lets go of parts set aside before anything whole", async () => {
    const { blobs, events, start } = await newVolume(4 * MiB);
    const draft = await blobs.create();
    await draft.write(Buffer.alloc(2 * MiB), draft.written);
    await draft.setAside("a part");
    await draft.close();
    await start();
    expect([blobs.aside, events]).toEqual([0, []]);
    expect(await listed(blobs)).toHaveLength(2);
  });

  it("that others have filled says what to do", async () => {
    const { path, blobs, start } = await newVolume(-6 * MiB);
    const message = `${path} is on a volume without any room left; free some`;
    await expect(start()).rejects.toMatchObject({ code: "FULL", message });
    expect(await listed(blobs)).toEqual([]);
  });

  it("goes on where a blob cannot be deleted", async () => {
    const { blobs, start } = await newVolume(MiB);
    const remove = blobs.delete.bind(blobs);
    blobs.delete = (digest) =>
      digest === digestOf(older) ? Promise.reject(new Error("EIO")) : remove(digest);
    await start();
    expect(await listed(blobs)).toEqual([digestOf(older)]);
  });

  it("other than the blobs' leaves those alone", async () => {
    const { path, blobs, start } = await newVolume(0);
    await rmdir(join(path, "blobs"));
    await symlink("/proc", join(path, "blobs"));
    await start();
    expect(await listed(blobs)).toHaveLength(2);
  });
});
