/** With STORE=s3://…: what is kept goes to S3 too, what the disk has no room for comes back from there, and S3 may fail. */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { status } from "../support/fake-registry/fault.ts";
import { FakeS3 } from "../support/fake-s3.ts";
import { viaProxy } from "./support/client.ts";
import { collectGarbage } from "./support/control.ts";
import { HostedClient, messageOf, newImage } from "./support/hosted.ts";
import { addImage } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

const mib = 1024 * 1024;
const outageSeconds = Number(process.env.OUTAGE_SECONDS ?? 12);
const host = "registry.lan";

let s3: FakeS3;
let scene: Scene;
let registry: NamedRegistry;

beforeEach(async () => {
  s3 = await FakeS3.start();
  scene = await Scene.open();
  registry = await scene.registry("registry.test");
});
afterEach(() => s3.stop());

function start(settings: Readonly<Record<string, string>> = {}): Promise<Program> {
  return scene.start({
    ...{ REGISTRIES: registry.name, HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true" },
    STORE: `s3://images/entrepot?endpoint=http://localhost:${s3.port}`,
    ...{ S3_ACCESS_KEY: "entrepot", S3_SECRET_KEY: "CANARY-s3", ...settings },
  });
}

/** An image with one layer of so many bytes. */
function image(size = mib) {
  const layerBytes = randomBytes(size);
  return { ...addImage(registry.server, "team/app", { layerBytes }), layerBytes };
}

const hasObject = (digest: string): boolean =>
  s3.objects.has(`entrepot/blobs/sha256/${digest.slice(7, 9)}/${digest.slice(7)}`);

async function pull(program: Program, digest: string) {
  return await viaProxy(program, registry.name, `/v2/team/app/blobs/${digest}`);
}

async function pullWell(program: Program, { layer, layerBytes }: ReturnType<typeof image>) {
  const answer = await pull(program, layer);
  expect(answer.status).toBe(200);
  expect(answer.body.equals(layerBytes)).toBe(true);
}

const bodiesOf = (digest: string): number =>
  registry.server.count({ method: "GET", path: `/v2/team/app/blobs/${digest}` });

const told = (program: Program, message: string): boolean =>
  program.lines.some((line) => line.includes(`"msg":"${message}"`));

const isForgotten = (program: Program, digest: string): boolean =>
  program.lines.some((line) => line.includes("made room by forgetting") && line.includes(digest));

async function archived(...digests: readonly string[]): Promise<void> {
  await eventually(() => digests.every(hasObject));
}

describe("with an archive in S3, an image", () => {
  beforeEach(() => {
    scene.names.set("localhost", ["127.0.0.1"]);
  });

  it("that is pulled goes there, and comes back from there when the disk had no room for it", async () => {
    const program = await start({ CACHE_MAX_SIZE: "3 MiB" });
    const [first, second] = [image(2 * mib), image(2 * mib)];
    await pullWell(program, first);
    await archived(first.layer);
    await pullWell(program, second);
    await archived(second.layer);
    await eventually(() => told(program, "made room by forgetting a blob"));
    registry.server.requests.length = 0;
    await pullWell(program, first);
    expect(bodiesOf(first.layer)).toBe(0);
    expect(s3.count("get")).toBe(1);
  });

  it("of more than CACHE_MAX_SIZE goes there too, and leaves the disk once it is", async () => {
    const program = await start({ CACHE_MAX_SIZE: "1 MiB" });
    const small = image(100_000);
    await pullWell(program, small);
    const large = image(3 * mib);
    await pullWell(program, large);
    await archived(large.layer);
    await eventually(() => told(program, "made room by forgetting a blob"));
    await pullWell(program, large);
    expect(bodiesOf(large.layer)).toBe(1);
    await pullWell(program, small);
    expect(bodiesOf(small.layer)).toBe(1);
    expect(program.lines.filter((line) => line.includes("made room by forgetting")).length).toBe(1);
  });

  it("pulls although S3 breaks off in the middle of it: the registry gives the rest", async () => {
    const program = await start({ CACHE_MAX_SIZE: "1 MiB" });
    const large = image(3 * mib);
    await pullWell(program, large);
    await archived(large.layer);
    await eventually(() => told(program, "made room by forgetting a blob"));
    registry.server.requests.length = 0;
    s3.misbehave = (operation) =>
      operation === "get" ? { kind: "cut", after: 2 * mib } : undefined;
    await pullWell(program, large);
    const ranges = registry.server.requests.map(({ headers }) => headers.range).filter(Boolean);
    expect(ranges).toHaveLength(1);
    expect(Number(/^bytes=(\d+)-/.exec(ranges[0] ?? "")?.[1])).toBeGreaterThan(mib);
  });

  it("pulls while S3 is down, and goes there once it is back, also after a restart", async () => {
    const { port } = s3;
    const before = await start();
    await s3.stop();
    const [first, second] = [image(), image()];
    await pullWell(before, first);
    await pullWell(before, second);
    await before.stop();
    s3 = await FakeS3.start(port);
    await start();
    await archived(first.layer, second.layer);
  });

  it("pulls for everybody while S3 stands still, and is left alone by then", async () => {
    const program = await start({ CACHE_MAX_SIZE: "4 MiB" });
    const images = Array.from({ length: 8 }, () => image());
    for (const each of images) await pullWell(program, each);
    await archived(...images.map(({ layer }) => layer));
    s3.misbehave = () => ({ kind: "hang" });
    const client = async (first: number): Promise<void> => {
      for (let turn = 0; turn < images.length; turn += 1) {
        const wanted = images[(first + turn) % images.length];
        if (wanted !== undefined) await pullWell(program, wanted);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, first) => client(first)));
    expect(told(program, "the archive is away; pulls go on without it")).toBe(true);
    const asked = s3.calls.length;
    await pullWell(program, image());
    expect(s3.calls.length).toBe(asked);
  });

  it("pulls for everybody while every call takes S3 two seconds, and is asked for no bytes by then", async () => {
    const program = await start({ CACHE_MAX_SIZE: "4 MiB" });
    const images = Array.from({ length: 10 }, () => image());
    for (const each of images) await pullWell(program, each);
    await archived(...images.map(({ layer }) => layer));
    // Only what the disk has no more is asked for there.
    await eventually(() => images.slice(0, 6).every(({ layer }) => isForgotten(program, layer)));
    s3.misbehave = () => ({ kind: "late", milliseconds: 2_000 });
    // What is pulled for the first time still goes there, and each time that goes well.
    const fresh = (async () => {
      for (let count = 0; count < 4; count += 1) await pullWell(program, image());
    })();
    for (const each of images.slice(0, 6)) await pullWell(program, each);
    await fresh;
    expect(told(program, "the archive is away; pulls go on without it")).toBe(true);
    const [gets, began] = [s3.count("get"), performance.now()];
    for (const each of images.slice(6)) await pullWell(program, each);
    expect(s3.count("get")).toBeLessThanOrEqual(gets + 1);
    expect(performance.now() - began).toBeLessThan(4_000);
    const puts = s3.count("put");
    await pullWell(program, image());
    await eventually(() => s3.count("put") > puts);
  });

  it("pulls while its bytes trickle from S3: the registry gives the rest", async () => {
    const program = await start({ CACHE_MAX_SIZE: "1 MiB" });
    const large = image(3 * mib);
    await pullWell(program, large);
    await archived(large.layer);
    await eventually(() => told(program, "made room by forgetting a blob"));
    registry.server.requests.length = 0;
    s3.misbehave = (operation) =>
      operation === "get" ? { kind: "trickle", bytes: 5_000 } : undefined;
    const began = performance.now();
    await pullWell(program, large);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(bodiesOf(large.layer)).toBe(1);
  });

  it(
    `pulls without an error under load while S3 is gone for ${outageSeconds} s`,
    async () => {
      const { port } = s3;
      const program = await start({ CACHE_MAX_SIZE: "6 MiB" });
      const images = Array.from({ length: 12 }, () => image());
      for (const each of images) await pullWell(program, each);
      await archived(...images.map(({ layer }) => layer));
      let [isOver, pulls] = [false, 0];
      const client = async (first: number): Promise<void> => {
        for (let turn = first; !isOver; turn += 5) {
          // One in ten is new, and has to go there later.
          const isNew = turn % 10 === 0;
          await pullWell(program, isNew ? image(100_000) : (images[turn % 12] ?? image()));
          pulls += 1;
        }
      };
      const load = Promise.all(Array.from({ length: 4 }, (_, first) => client(first)));
      const gone = [...s3.objects];
      await s3.stop();
      await pause(outageSeconds * 1_000);
      s3 = await FakeS3.start(port);
      for (const [key, kept] of gone) s3.objects.set(key, kept);
      await eventually(() => told(program, "the archive is back"), { withinMs: 60_000 });
      isOver = true;
      await load;
      expect(pulls).toBeGreaterThan(20);
      if (process.env.STRESS_FIGURES === "1") process.stdout.write(`${pulls} pulls, no error\n`);
      expect(told(program, "the archive is away; pulls go on without it")).toBe(true);
      const late = image();
      await pullWell(program, late);
      await archived(late.layer);
    },
    (outageSeconds + 120) * 1_000,
  );

  it("pulls from there without the registry's bytes when the whole folder is lost", async () => {
    const before = await start();
    const lost = image(2 * mib);
    await pullWell(before, lost);
    await archived(lost.layer);
    await before.stop();
    await rm(join(scene.folder, "data"), { recursive: true });
    const program = await start();
    await pullWell(program, lost);
    expect(bodiesOf(lost.layer)).toBe(1);
  });

  it("is not given to whom the registry refuses it, whatever S3 has", async () => {
    const program = await start({ CACHE_MAX_SIZE: "1 MiB" });
    const large = image(3 * mib);
    await pullWell(program, large);
    await archived(large.layer);
    registry.server.misbehave({ path: /other/ }, status(404));
    const other = await viaProxy(program, registry.name, `/v2/other/app/blobs/${large.layer}`);
    expect(other.status).toBe(404);
  });

  it("whose bytes went bad in S3 reaches nobody, and is fetched anew", async () => {
    const program = await start({ CACHE_MAX_SIZE: "1 MiB" });
    const large = image(3 * mib);
    await pullWell(program, large);
    await archived(large.layer);
    await eventually(() => told(program, "made room by forgetting a blob"));
    for (const [key, { bytes, metadata }] of s3.objects) {
      const bad = Buffer.from(bytes);
      bad.writeUInt8(bad.readUInt8(0) ^ 1, 0);
      s3.objects.set(key, { bytes: bad, metadata });
    }
    const cut = await pull(program, large.layer).catch(() => undefined);
    expect(cut?.body.equals(large.layerBytes) ?? false).toBe(false);
    await eventually(() => told(program, "the archive has other bytes than those of the digest"));
    await eventually(() => !hasObject(large.layer) || s3.count("put") > 1);
    await pullWell(program, large);
  });
});

describe("with an archive in S3, what is pushed here", () => {
  beforeEach(() => {
    scene.names.set("localhost", ["127.0.0.1"]);
  });

  it("is in S3 when the push is answered, and pulls from there when the disk has lost it", async () => {
    const program = await start({ CACHE_MAX_SIZE: "1 MiB" });
    const client = new HostedClient(program, host);
    const pushed = newImage({}, 3 * mib);
    expect((await client.push("team/app", "1", pushed)).status).toBe(201);
    expect([pushed.layerDigest, pushed.digest].every(hasObject)).toBe(true);
    await eventually(() => told(program, "made room by forgetting a blob"));
    const pulled = await client.get(`/v2/team/app/blobs/${pushed.layerDigest}`);
    expect([pulled.status, pulled.body.equals(pushed.layer)]).toEqual([200, true]);
    const head = await client.head(`/v2/team/app/blobs/${pushed.layerDigest}`);
    expect([head.status, head.headers["content-length"]]).toEqual([200, String(3 * mib)]);
  });

  it("is refused with a sentence while S3 is down, and nothing of it is there", async () => {
    const program = await start();
    const client = new HostedClient(program, host);
    s3.misbehave = () => ({ kind: "status", status: 503, code: "SlowDown" });
    const refused = await client.pushBlob("team/app", newImage().layer);
    expect(refused.status).toBe(503);
    expect(messageOf(refused)).toContain("the archive behind the proxy does not take or give it");
    s3.misbehave = () => undefined;
    expect((await client.get("/v2/team/app/tags/list")).status).toBe(404);
  });

  it("leaves S3 when garbage is collected, and not what another image needs", async () => {
    const program = await start({ HOSTED_LEASE: "0" });
    const client = new HostedClient(program, host);
    const [gone, kept] = [newImage(), newImage()];
    await client.push("team/app", "old", gone);
    await client.push("team/app", "new", kept);
    await client.delete(`/v2/team/app/manifests/${gone.digest}`);
    scene.aheadMs = 3_600_000;
    await collectGarbage(program, { untaggedAfter: 0 });
    expect([gone.layerDigest, gone.digest].some(hasObject)).toBe(false);
    expect([kept.layerDigest, kept.digest].every(hasObject)).toBe(true);
  });
});
