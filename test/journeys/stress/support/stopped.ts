/** Clients that begin to read a blob and then read no more, and what each of them costs. */
import { setTimeout as pause } from "node:timers/promises";
import { Clients } from "./clients/clients.ts";
import type { WayJob } from "./clients/jobs.ts";
import { blobPath, MiB, type Scene } from "./scene.ts";
import { seededBytes } from "./seeded.ts";
import type { Stressed } from "./stressed.ts";

export type Stopped = {
  readonly clients: Clients;
  /** Open files and sockets before they came. */
  readonly descriptors: number;
  /** KiB of resident memory that each takes. */
  readonly kibEach: number;
  readonly digest: string;
};

/**
 * The blob is kept already, and as many others have come and gone before, so that what is measured is
 * theirs and not what any crowd makes the heap and the allocator take.
 */
export async function stopReading(
  scene: Scene,
  stressed: Stressed,
  how: { readonly way: WayJob; readonly clients: number; readonly size: number },
): Promise<Stopped> {
  const digest = scene.upstream.addBlob(seededBytes("stopped", how.size));
  const path = blobPath(digest);
  const warm = new Clients();
  await warm.herd({ ...how.way, clients: 1, path });
  await warm.close();
  const crowd = new Clients();
  const small = scene.upstream.addBlob(seededBytes("small", 4_096));
  await crowd.herd({ ...how.way, clients: how.clients, path: blobPath(small) });
  await crowd.close();
  await pause(1_000);
  const before = (await stressed.memory()).now;
  const descriptors = await stressed.descriptors();
  const clients = new Clients();
  await clients.stopped({ ...how.way, clients: how.clients, path });
  await pause(3_000);
  const kibEach = (((await stressed.memory()).now - before) * MiB) / 1_024 / how.clients;
  return { clients, descriptors, kibEach, digest };
}
