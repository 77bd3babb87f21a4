/** A crowd that wants one cold blob in the same moment, and what it cost. */
import { stallAt } from "../../../support/fake-registry/fault.ts";
import { Clients } from "./clients/clients.ts";
import type { HerdReport, WayJob } from "./clients/jobs.ts";
import { blobPath, bodyGets, type Scene } from "./scene.ts";
import { seededBytes } from "./seeded.ts";
import type { Stressed } from "./stressed.ts";

export type HerdResult = {
  readonly digest: string;
  readonly report: HerdReport;
  readonly bodyGets: number;
  readonly mostMemory: number;
};

/** The registry holds the second half back until every client has its first byte. */
export async function herd(
  scene: Scene,
  stressed: Stressed,
  how: { readonly way: WayJob; readonly clients: number; readonly size: number },
): Promise<HerdResult> {
  const digest = scene.upstream.addBlob(seededBytes("herd", how.size));
  const half = stallAt(how.size / 2);
  scene.upstream.misbehave({ method: "GET", path: new RegExp(digest) }, half);
  const path = blobPath(digest);
  const report = await new Clients().herd({ ...how.way, clients: how.clients, path }, () =>
    half.gate.open(),
  );
  const { most } = await stressed.memory();
  return { digest, report, bodyGets: bodyGets(scene, digest), mostMemory: most };
}
