import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { hasVersity, Versity } from "../../support/versity.ts";
import { startContainerd } from "../support/clients/containerd.ts";
import { startDocker } from "../support/clients/docker.ts";
import { mirroredClients } from "../support/clients/mirrored.ts";
import type { Entrepot } from "../support/entrepot.ts";
import { Guide } from "../support/guide.ts";
import { hasProgram, Journey, mustSucceed } from "../support/journey.ts";

const image = "docker.io/library/alpine:3.20";
const redirected = ["dockerd", "containerd", "skopeo", "crane"].filter(hasProgram);
const endpoint = "http://minio.corp.example:9000";

async function blobsIn(folder: string): Promise<readonly string[]> {
  const files = await readdir(folder, { recursive: true });
  return files.flatMap((path) => /[0-9a-f]{64}/.exec(path)?.slice(0, 1) ?? []);
}

describe.skipIf(!hasVersity || !hasProgram("dockerd") || !hasProgram("containerd"))("s3.md", () => {
  let journey: Journey;
  let guide: Guide;
  let minio: Versity;
  let redirecting: Record<string, string>;
  beforeAll(async () => {
    guide = await Guide.open("s3.md");
    redirecting = guide.settings("S3_REDIRECT=true");
    journey = await Journey.begin();
    const login = { accessKey: "entrepot", secretKey: "change-me" };
    minio = await Versity.start(join(journey.folder, "minio"), login, ["images", "registry"]);
    journey.atEnd(() => minio.kill());
  });
  afterAll(() => journey?.end());

  /** The env file, of a MinIO on this machine. */
  function settings(words: string): Record<string, string> {
    const shown = Object.entries(guide.settings(words));
    const here = shown.map(([name, value]) => [name, value.replace(endpoint, minio.url)]);
    const { UPSTREAM_ALLOW_ADDRESSES } = journey.settings;
    return {
      ...Object.fromEntries(here),
      UPSTREAM_ALLOW_ADDRESSES: `${UPSTREAM_ALLOW_ADDRESSES} 127.0.0.1`,
    };
  }

  /** All that is on the disk is in the bucket too. */
  async function archived({ dataDir }: Entrepot, place: string): Promise<void> {
    await eventually(async () => {
      const kept = await blobsIn(join(dataDir, "blobs"));
      const there = await blobsIn(join(journey.folder, "minio", place));
      return kept.length > 0 && kept.every((digest) => there.includes(digest));
    });
  }

  it("docker pulls through it, the folder is lost, and containerd has the layers from S3", async () => {
    const { ledger } = journey.upstream;
    const env = settings("REGISTRY_STORAGE=s3");
    const before = await journey.entrepot(env, "minio-set-up");
    const docker = await journey.client(startDocker, before.trust, before.proxy);
    mustSucceed(await docker.pull(image));
    const layers = ledger.contentGets().filter((line) => line.includes("/cdn/")).length;
    expect(layers).toBeGreaterThan(0);
    await archived(before, "registry/cache/entrepot");
    expect(await before.stop()).toBe(0);
    await rm(before.dataDir, { recursive: true });

    const after = await journey.entrepot(env, "minio-set-up");
    const containerd = await journey.client(startContainerd, after.trust, after.proxy);
    ledger.clear();
    mustSucceed(await containerd.pull(image));
    expect(ledger.contentGets().filter((line) => line.includes("/cdn/"))).toEqual([]);
  });

  it("containerd pulls through it, and a bucket has all that is kept, in the folder that STORE names", async () => {
    const entrepot = await journey.entrepot(settings("STORE=s3://"), "own-bucket");
    const containerd = await journey.client(startContainerd, entrepot.trust, entrepot.proxy);
    mustSucceed(await containerd.pull(image));
    await archived(entrepot, "images/entrepot");
    expect(entrepot.lines.filter((line) => line.includes("change-me"))).toEqual([]);
  });

  it.each(mirroredClients.filter(({ program }) => redirected.includes(program)))(
    "$program pulls by the mirror, and is sent to the bucket for a layer",
    async ({ start }) => {
      const { ledger } = journey.upstream;
      const env = { ...settings("STORE=s3://"), ...redirecting };
      const entrepot = await journey.entrepot(env, "redirecting");
      const client = await journey.client(start(entrepot.proxy), journey.upstreamCa);
      mustSucceed(await client.pull(image));
      await archived(entrepot, "images/entrepot");
      await client.wipe();
      ledger.clear();
      mustSucceed(await client.pull(image));
      expect(ledger.contentGets().filter((line) => line.includes("/cdn/"))).toEqual([]);
      // The log's lines come a moment after the answers they tell of.
      await eventually(() => entrepot.lines.some((line) => line.includes('"status":307')));
      expect(entrepot.lines.filter((line) => line.includes("X-Amz-Signature"))).toEqual([]);
      expect(await entrepot.stop()).toBe(0);
    },
  );

  it("has no other command", () => {
    expect(guide.left()).toEqual([]);
  });
});
