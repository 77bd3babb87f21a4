/** A folder that an earlier version left, as it was when that stopped. */
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { direct } from "./support/client.ts";
import { askControl } from "./support/control.ts";
import { HostedClient } from "./support/hosted.ts";
import { manifestType } from "./support/image.ts";
import { Scene } from "./support/program.ts";

const registry = "elsewhere.test:5443";
const cachedLayer = "sha256:b75011d5c82c693823a65232062d8f754cec94d16463646bb64f0075684dec99";
const pushed = "sha256:e6231ab2a9d00ac180633c9ae0f86bf5bafa8db6452f924dc7ccc03c05c234e6";
const pushedLayer = "sha256:42e158c7ce17f8562d7acf0d6775b92b90c468822a3d567e1bebcd1030f756c5";

describe("a data folder of format 1", () => {
  it("is started with, and has all that was pushed, pulled and counted", async () => {
    const scene = await Scene.open();
    const dataDir = join(scene.folder, "data");
    await cp(join(import.meta.dirname, "fixtures/data-folder-1"), dataDir, { recursive: true });
    const settings = { REGISTRIES: registry, HOSTED_HOSTS: "registry.lan", OFFLINE: "true" };
    const program = await scene.start(settings);
    expect(await readFile(join(dataDir, "VERSION"), "utf8")).toBe("2\n");
    const headers = { accept: manifestType };
    const cached = await direct(program, `/v2/${registry}/team/app/manifests/1`, { headers });
    expect(cached.status).toBe(200);
    const layer = await direct(program, `/v2/${registry}/team/app/blobs/${cachedLayer}`);
    expect(layer.body.toString()).toBe("a layer of the cache");
    const own = new HostedClient(program, "registry.lan");
    const manifest = await own.get("/v2/team/own/manifests/1");
    expect(manifest.headers["docker-content-digest"]).toBe(pushed);
    expect((await own.get(`/v2/team/own/blobs/${pushedLayer}`)).body).toHaveLength(20);
    const { images } = (await askControl(program, "images?search=")) as { images: object[] };
    expect(images).toHaveLength(2);
    await program.stop();
    await (await scene.start(settings)).stop();
  });
});
