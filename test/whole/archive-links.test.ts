/** With S3_REDIRECT, clients of a mirror fetch from S3 itself what everybody may have, and nothing else. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { FakeS3 } from "../support/fake-s3.ts";
import { type Answer, direct, viaProxy } from "./support/client.ts";
import { HostedClient } from "./support/hosted.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

const mib = 1024 * 1024;

let s3: FakeS3;
let scene: Scene;
let registry: NamedRegistry;
let program: Program;
let open: Image;
let shared: Image;

beforeAll(async () => {
  s3 = await FakeS3.start();
  scene = await Scene.open();
  scene.names.set("localhost", ["127.0.0.1"]);
  registry = await scene.registry("guarded.test", {
    auth: (origin) => ({
      ...{ kind: "bearer", realm: `${origin}/token`, users: { alice: "CANARY-alice" } },
      members: { "corp/secret": ["alice"] },
    }),
  });
  open = image("corp/open");
  shared = image("corp/secret");
  program = await start({ S3_REDIRECT: "true" });
});
afterAll(async () => {
  await scene.close();
  await s3.stop();
});

function start(settings: Readonly<Record<string, string>>): Promise<Program> {
  return scene.start({
    DATA_DIR: `${scene.folder}/${randomBytes(4).toString("hex")}`,
    AUTH_REGISTRIES: `${registry.name}:alice:CANARY-alice`,
    STORE: `s3://images/entrepot?endpoint=http://localhost:${s3.port}`,
    ...{ S3_ACCESS_KEY: "entrepot", S3_SECRET_KEY: "CANARY-s3", ...settings },
  });
}

function image(repository: string, size = mib): Image {
  return addImage(registry.server, repository, { layerBytes: randomBytes(size) });
}

const pathOf = (at: Image, what: string) => `/v2/${registry.name}/${at.repository}/${what}`;

/** As an engine pulls: the manifest first, which shows who may have it. */
async function layerOf(at: Program, of: Image, asked: Parameters<typeof direct>[2] = {}) {
  const headers = { accept: manifestType };
  const manifest = await direct(at, pathOf(of, `manifests/${of.tag}`), { headers });
  expect(manifest.status).toBe(200);
  return await direct(at, pathOf(of, `blobs/${of.layer}`), asked);
}

const hasObject = ({ layer }: Image): boolean =>
  s3.objects.has(`entrepot/blobs/sha256/${layer.slice(7, 9)}/${layer.slice(7)}`);

async function archived(at: Program, of: Image): Promise<void> {
  expect((await layerOf(at, of)).body.equals(of.layerBytes)).toBe(true);
  await eventually(() => hasObject(of));
  const isTold = (line: string) =>
    line.includes("put a blob into the archive") && line.includes(of.layer);
  await eventually(() => at.lines.some(isTold));
}

/** From here, and whole. */
function expectBytes(answer: Answer, { layerBytes }: Image): void {
  expect([answer.status, answer.body.equals(layerBytes)]).toEqual([200, true]);
}

describe("with S3_REDIRECT, a client of a mirror", () => {
  it("gets a layer that everybody may have from S3, by a link that needs no login", async () => {
    await archived(program, open);
    const answer = await eventually(async () => {
      const sent = await layerOf(program, open);
      expect(sent.status).toBe(307);
      return sent;
    });
    expect(answer.headers).toMatchObject({
      "docker-content-digest": open.layer,
      "cache-status": "entrepot; hit",
      "cache-control": "no-store",
    });
    const link = new URL(String(answer.headers.location));
    expect(`${link.origin}${link.pathname}`).toBe(
      `http://localhost:${s3.port}/images/entrepot/blobs/sha256/${open.layer.slice(7, 9)}/${open.layer.slice(7)}`,
    );
    const there = await fetch(link.href.replace("localhost", "127.0.0.1"));
    expect(Buffer.from(await there.arrayBuffer()).equals(open.layerBytes)).toBe(true);
    const signature = link.searchParams.get("X-Amz-Signature") ?? "none";
    expect(signature).toMatch(/^[0-9a-f]{64}$/);
    expect(link.href).not.toContain("CANARY");
    expect(program.lines.filter((line) => line.includes(signature))).toEqual([]);
  });

  it("gets from here what the operator's login opens, whole and in part", async () => {
    await archived(program, shared);
    expectBytes(await layerOf(program, shared), shared);
    const part = await layerOf(program, shared, { headers: { range: "bytes=5-9" } });
    expect([part.status, part.body]).toEqual([206, shared.layerBytes.subarray(5, 10)]);
  });

  it("gets from here what is small, and every HEAD", async () => {
    const small = image("corp/open", mib - 1);
    await archived(program, small);
    expectBytes(await layerOf(program, small), small);
    expect((await layerOf(program, open, { method: "HEAD" })).status).toBe(200);
  });

  it("is not led there while S3 is away", async () => {
    const hosting = { HOSTED_HOSTS: "registry.lan", HOSTED_ANONYMOUS_PUSH: "true" };
    const other = await start({ S3_REDIRECT: "true", ...hosting });
    const own = image("corp/open");
    await archived(other, own);
    await eventually(async () => expect((await layerOf(other, own)).status).toBe(307));
    s3.misbehave = () => ({ kind: "status", status: 503, code: "SlowDown" });
    const pusher = new HostedClient(other, "registry.lan");
    const isAway = () => other.lines.some((line) => line.includes("the archive is away"));
    while (!isAway()) await pusher.pushBlob("team/app", randomBytes(100));
    expectBytes(await layerOf(other, own), own);
    s3.misbehave = () => undefined;
  });
});

describe("nobody is led to S3", () => {
  it("who came by the proxy", async () => {
    const path = `/v2/${open.repository}/blobs/${open.layer}`;
    expectBytes(await viaProxy(program, registry.name, path), open);
  });

  it("without S3_REDIRECT, unless the variables of Docker's registry ask for it", async () => {
    const [silent, asking] = [
      await start({}),
      await start({ REGISTRY_STORAGE_REDIRECT_DISABLE: "false" }),
    ];
    const own = image("corp/open");
    await archived(silent, own);
    expectBytes(await layerOf(silent, own), own);
    await archived(asking, own);
    await eventually(async () => expect((await layerOf(asking, own)).status).toBe(307));
  });
});
