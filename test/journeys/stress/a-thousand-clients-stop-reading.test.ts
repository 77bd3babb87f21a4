import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { Clients } from "./support/clients/clients.ts";
import { tell } from "./support/figures.ts";
import { blobPath, MiB, setScene, throughMirror, throughProxy } from "./support/scene.ts";
import { stopReading } from "./support/stopped.ts";
import { Stressed } from "./support/stressed.ts";

const clients = 1_000;
const size = 64 * MiB;

describe("a thousand clients stop reading in the middle of a blob", () => {
  it("in plain HTTP: none takes more than 128 KiB", async () => {
    const scene = await setScene();
    const stressed = await Stressed.start(scene.folder, scene.env);
    const way = throughMirror(stressed);
    const { kibEach } = await stopReading(scene, stressed, { way, clients, size });
    tell({ kibEach, memory: await stressed.memory() });
    expect(kibEach).toBeLessThanOrEqual(128);
  });

  it("over TLS: none takes more than 192 KiB, others pull as ever, and after a minute all are dropped", async () => {
    const scene = await setScene();
    const stressed = await Stressed.start(scene.folder, scene.env);
    const way = await throughProxy(scene, stressed);
    const stopped = await stopReading(scene, stressed, { way, clients, size });
    const { kibEach, digest, descriptors } = stopped;
    const stoppedAt = performance.now();
    tell({ kibEach, memory: await stressed.memory() });
    const others = await new Clients().herd({ ...way, clients: 4, path: blobPath(digest) });
    expect(others.failures).toEqual({});
    expect(others.digests).toEqual({ [digest]: 4 });
    // Long before the thousand are dropped.
    expect(others.seconds).toBeLessThan(40);
    expect(await stressed.descriptors()).toBeGreaterThan(descriptors + clients);

    await eventually(
      async () => expect(await stressed.descriptors()).toBeLessThanOrEqual(descriptors + 5),
      { withinMs: 110_000, everyMs: 250 },
    );
    tell({ others: others.seconds, droppedAfter: (performance.now() - stoppedAt) / 1_000 });
    expect(performance.now() - stoppedAt).toBeGreaterThan(50_000);
    expect(kibEach).toBeLessThanOrEqual(192);
  });
});
