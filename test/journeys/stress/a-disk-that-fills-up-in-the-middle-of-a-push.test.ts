import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { finalFiles, inspectKept } from "./support/kept.ts";
import { MiB } from "./support/scene.ts";
import { seededBytes, sha256 } from "./support/seeded.ts";
import { SmallDisk } from "./support/small-disk.ts";
import { Stressed } from "./support/stressed.ts";

const config = Buffer.from("{}");

async function registryOn(mebibytes: number) {
  const folder = await temporaryFolder();
  const disk = await SmallDisk.whole(folder, mebibytes);
  const port = await freePort();
  const env = {
    ...{ HOSTED_HOSTS: `127.0.0.1:${port}`, HOSTED_ANONYMOUS_PUSH: "true" },
    CACHE_MIN_FREE: "0",
  };
  const start = async () => {
    const stressed = Stressed.spawn(folder, port, env);
    await stressed.ready();
    return stressed;
  };
  return { disk, start, client: new Client(`http://127.0.0.1:${port}/v2/team/app`) };
}

class Client {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  async pushBlob(bytes: Buffer): Promise<number> {
    const url = `${this.#base}/blobs/uploads/?digest=${sha256(bytes)}`;
    return await this.#status(url, { method: "POST", body: new Uint8Array(bytes) });
  }

  async pushImage(tag: string, layer: Buffer): Promise<readonly number[]> {
    const statuses = [await this.pushBlob(config), await this.pushBlob(layer)];
    return [...statuses, await this.pushManifest(tag, layer)];
  }

  async pushManifest(tag: string, layer: Buffer): Promise<number> {
    const type = "application/vnd.oci.image.manifest.v1+json";
    const about = (bytes: Buffer) => ({ digest: sha256(bytes), size: bytes.length });
    const body = JSON.stringify({
      ...{ schemaVersion: 2, mediaType: type },
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...about(config) },
      layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...about(layer) }],
    });
    const headers = { "content-type": type };
    return await this.#status(`${this.#base}/manifests/${tag}`, { method: "PUT", body, headers });
  }

  async has(tag: string, layer: Buffer): Promise<boolean> {
    const manifest = await fetch(`${this.#base}/manifests/${tag}`);
    await manifest.arrayBuffer();
    const answer = await fetch(`${this.#base}/blobs/${sha256(layer)}`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    return manifest.ok && bytes.equals(layer);
  }

  async #status(url: string, asked: RequestInit): Promise<number> {
    const answer = await fetch(url, asked);
    await answer.arrayBuffer();
    return answer.status;
  }
}

describe("a disk that fills up in the middle of a push", () => {
  it("is 507, nothing of it stays, what was there is served, and with room again the next push works", async () => {
    const { disk, start, client } = await registryOn(32);
    const stressed = await start();
    const [first, large, late] = [
      seededBytes("first", 4 * MiB),
      seededBytes("large", 40 * MiB),
      seededBytes("late", 6 * MiB),
    ];
    expect(await client.pushImage("first", first)).toEqual([201, 201, 201]);
    const kept = await finalFiles(stressed.dataDir);
    expect(await client.pushBlob(large)).toBe(507);
    await eventually(async () =>
      expect(await readdir(join(stressed.dataDir, "uploads"))).toEqual([]),
    );
    expect(await finalFiles(stressed.dataDir)).toEqual(kept);
    expect((await stressed.readiness()).reasons.join()).toContain("disk");
    expect(await client.has("first", first)).toBe(true);

    // To the last byte, so that neither a manifest nor a record has room.
    expect(await client.pushBlob(late)).toBe(201);
    await disk.fillUp();
    expect(await client.pushManifest("late", late)).toBe(507);
    expect(await client.has("first", first)).toBe(true);
    expect(await client.has("late", late)).toBe(false);
    await disk.fill(0);
    expect(await client.pushManifest("late", late)).toBe(201);
    await disk.remount("size=128m");
    expect(await client.pushImage("large", large)).toEqual([201, 201, 201]);
    await eventually(async () => expect((await stressed.readiness()).status).toBe("ready"));

    await stressed.kill();
    const after = await start();
    for (const [tag, layer] of [
      ["first", first],
      ["late", late],
      ["large", large],
    ] as const) {
      expect(await client.has(tag, layer)).toBe(true);
    }
    expect((await inspectKept(after.dataDir)).wrong).toEqual([]);
    await after.stop();
  });
});
