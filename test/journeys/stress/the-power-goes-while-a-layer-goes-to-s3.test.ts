/** A layer in parts is on its way into the bucket when the process is killed: nothing of it stays there but the whole. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { FakeS3 } from "../../support/fake-s3.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { Scene } from "../../whole/support/program.ts";
import { startEntrepot } from "../support/entrepot.ts";

const mib = 1024 ** 2;
const hour = 3_600_000;
/** More than goes in one piece. */
const layer = Buffer.concat(
  Array.from({ length: 10 }, () => randomBytes(mib)).flatMap((one) =>
    Array.from({ length: 14 }, () => one),
  ),
);
const digest = `sha256:${createHash("sha256").update(layer).digest("hex")}`;

async function registry(): Promise<Server> {
  const server = createServer((request, response) => {
    if (!request.url?.includes("/blobs/")) return void response.end("{}");
    response
      .writeHead(200, { "content-length": layer.length })
      .end(request.method === "HEAD" ? undefined : layer);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return server;
}

it("leaves no part of it behind an hour later, and then the whole of it is there", async () => {
  const [s3, server, folder] = [await FakeS3.start(), await registry(), await temporaryFolder()];
  onTestFinished(() => s3.stop());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = {
    ...{ STORE: `s3://images?endpoint=${s3.url}`, S3_ACCESS_KEY: "entrepot" },
    ...{ S3_SECRET_KEY: "CANARY-s3", REGISTRIES: `http://${host}` },
    UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8",
  };
  const entrepot = await startEntrepot(folder, env);
  // The last part is sent, and never answered.
  s3.misbehave = (operation) =>
    operation === "part" && s3.count("part") > 2 ? { kind: "hang" } : undefined;
  const pulled = await fetch(`${entrepot.proxy}/v2/${host}/app/blobs/${digest}`);
  expect(Buffer.from(await pulled.arrayBuffer()).equals(layer)).toBe(true);
  await eventually(() => s3.count("part") > 2);
  await entrepot.kill();
  expect([s3.uploads.size, s3.objects.size]).toEqual([1, 0]);
  const [orphan] = s3.uploads.keys();

  s3.misbehave = () => undefined;
  const scene = await Scene.open();
  const settings = { ...env, DATA_DIR: entrepot.dataDir };
  const soon = await scene.start(settings);
  await eventually(() => s3.count("uploads") > 0);
  await eventually(() => s3.objects.size === 1);
  expect(s3.uploads.has(String(orphan)), "somebody else's may be young").toBe(true);
  await soon.stop();
  const [kept] = s3.objects.values();
  expect(kept?.bytes.equals(layer)).toBe(true);

  scene.aheadMs = hour + 60_000;
  await scene.start(settings);
  await eventually(() => s3.uploads.size === 0);
  expect(s3.objects.size).toBe(1);
});
