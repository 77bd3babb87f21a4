import { execFileSync } from "node:child_process";
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { compose } from "../../src/app/compose.ts";
import { keptLog, settingsWith } from "../app/compose/composing.ts";
import { makeCertificate } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { startFakeRegistry } from "../support/fake-registry.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const config = { mediaType: "application/vnd.oci.image.config.v1+json", size: 2 };

async function settingsFor(origin: string, dataDir?: string) {
  const settings = await settingsWith({
    MIRROR_DEFAULT: origin,
    UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8",
    ...(dataDir === undefined ? {} : { DATA_DIR: dataDir }),
  });
  return { ...settings, listen: { ...settings.listen, port: 0 } };
}

/** Its second listener opens once the key can be read from a pipe. */
async function withListenerThatWaits() {
  const folder = await temporaryFolder();
  const { cert, key } = makeCertificate(["mirror.example.com"]);
  const [certificate, pipe] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  await writeFile(certificate, cert);
  execFileSync("mkfifo", [pipe]);
  const ports = { plain: await freePort(), tls: await freePort() };
  const settings = await settingsWith({
    PORT: String(ports.plain),
    TLS_PORT: String(ports.tls),
    TLS_CERT: certificate,
    TLS_KEY: pipe,
  });
  const app = await compose(settings, keptLog().log);
  onTestFinished(() => app.stop(AbortSignal.abort()));
  return { app, ports, finishOpening: () => writeFile(pipe, key) };
}

describe("the whole program", () => {
  it("serves what it pulled before a restart, with the registry gone", async () => {
    const registry = await startFakeRegistry();
    const digest = registry.addBlob(Buffer.from("{}"));
    const layers: unknown[] = [];
    const manifest = registry.addManifest("team/app", "1.0", {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      ...{ config: { ...config, digest }, layers },
    });
    const settings = await settingsFor(registry.origin);
    const paths = [`manifests/1.0`, `manifests/${manifest}`, `blobs/${digest}`];
    const pullAll = async () => {
      const app = await compose(settings, keptLog().log);
      onTestFinished(() => app.stop(AbortSignal.abort()));
      const { listening } = await app.start();
      const seen: [number, string][] = [];
      for (const path of paths) {
        const url = `http://127.0.0.1:${listening[0]?.port}/v2/team/app/${path}`;
        const answer = await fetch(url);
        await answer.arrayBuffer();
        seen.push([answer.status, answer.headers.get("cache-status") ?? ""]);
      }
      await app.stop(AbortSignal.timeout(5_000));
      return seen;
    };
    expect((await pullAll()).map(([status]) => status)).toEqual([200, 200, 200]);
    await registry.close();
    const again = await pullAll();
    expect(again.map(([status]) => status)).toEqual([200, 200, 200]);
    expect(again[0]?.[1]).toMatch(/fwd=stale|hit/);
  });

  it("pulls once, and then from what is kept, though every line of its log throws", async () => {
    const registry = await startFakeRegistry();
    const layer = registry.addBlob(Buffer.alloc(300_000, "layer"));
    const settings = await settingsFor(registry.origin);
    const fail = (): never => {
      throw new Error("no line can be written");
    };
    const log = {
      ...{
        registry: fail,
        door: fail,
        cache: fail,
        store: fail,
        upstream: fail,
        auth: fail,
        hosted: fail,
      },
      note: fail,
    };
    const app = await compose(settings, log);
    onTestFinished(() => app.stop(AbortSignal.abort()));
    const { listening } = await app.start();
    const pull = async (): Promise<readonly [number, string]> => {
      const url = `http://127.0.0.1:${listening[0]?.port}/v2/team/app/blobs/${layer}`;
      const answer = await fetch(url);
      return [(await answer.arrayBuffer()).byteLength, answer.headers.get("cache-status") ?? ""];
    };
    // Whoever asks again at once may have it checked whether he may: a HEAD.
    const blobGets = () =>
      registry.requests.filter(({ method, url }) => method === "GET" && url.includes("/blobs/"))
        .length;
    expect(await pull()).toEqual([300_000, "entrepot; fwd=miss; stored"]);
    await eventually(async () => expect(await pull()).toEqual([300_000, "entrepot; hit"]));
    expect(await pull()).toEqual([300_000, "entrepot; hit"]);
    expect(blobGets()).toBe(1);
  });

  it("believes a tag no longer because the clock is set back", async () => {
    const registry = await startFakeRegistry();
    registry.addManifest("team/app", "1.0", { schemaVersion: 2, config: {}, layers: [] });
    const clock = { wall: Date.now(), steady: Date.now() };
    const app = await compose(await settingsFor(registry.origin), keptLog().log, {
      now: () => clock.wall,
      steady: () => clock.steady,
    });
    onTestFinished(() => app.stop(AbortSignal.abort()));
    const { listening } = await app.start();
    const ask = async (tag: string) => {
      const url = `http://127.0.0.1:${listening[0]?.port}/v2/team/app/manifests/${tag}`;
      return (await fetch(url, { method: "HEAD" })).headers.get("cache-status");
    };
    await ask("1.0");
    await ask("2.0");
    expect([await ask("1.0"), await ask("2.0")]).toEqual([
      "entrepot; hit",
      "entrepot; hit; detail=negative",
    ]);
    clock.wall -= 3_600_000;
    clock.steady += 11_000;
    expect(await ask("1.0")).not.toContain("hit");
    expect(await ask("2.0")).not.toContain("hit");
  });

  it("is ready only once every listener is open", async () => {
    const { app, ports, finishOpening } = await withListenerThatWaits();
    const starting = app.start();
    const state = () => fetch(`http://127.0.0.1:${ports.plain}/readyz`);
    const early = await eventually(state);
    expect([early.status, await early.json()]).toMatchObject([503, { status: "starting" }]);
    await finishOpening();
    await starting;
    expect((await state()).status).toBe(200);
  });

  it("pulls on while its records are broken, says so, and has them back once the file is gone", async () => {
    const registry = await startFakeRegistry();
    const bytes = Buffer.from("a layer");
    const digest = registry.addBlob(bytes);
    const settings = await settingsFor(registry.origin);
    const app = await compose(settings, keptLog().log);
    onTestFinished(() => app.stop(AbortSignal.abort()));
    const { listening } = await app.start();
    const ask = (path: string) => fetch(`http://127.0.0.1:${listening[0]?.port}${path}`);
    const readiness = async () => (await ask("/readyz")).json();
    const pull = async () => Buffer.from(await (await ask(`/v2/team/app/blobs/${digest}`)).bytes());
    const file = join(settings.files.dataDir, "records.sqlite");
    const database = new DatabaseSync(file);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
    await writeFile(file, Buffer.alloc((await stat(file)).size, "broken "));
    await eventually(async () => {
      expect(await pull()).toEqual(bytes);
      expect(await readiness()).toMatchObject({
        status: "degraded",
        reasons: [expect.stringMatching(/records.*; pulls go on without what was remembered$/)],
      });
    });
    expect(await pull()).toEqual(bytes);
    for (const end of ["", "-wal", "-shm"]) await rm(`${file}${end}`, { force: true });
    const within = { withinMs: 15_000, everyMs: 50 };
    await eventually(
      async () => expect(await readiness()).toMatchObject({ status: "ready" }),
      within,
    );
    expect(await pull()).toEqual(bytes);
  });

  it("closes what a start opens after it was told to stop", async () => {
    const { app, ports, finishOpening } = await withListenerThatWaits();
    const starting = app.start();
    const stopped = app.stop(AbortSignal.abort());
    await finishOpening();
    await starting;
    await stopped;
    for (const port of [ports.plain, ports.tls]) {
      await expect(fetch(`http://127.0.0.1:${port}/readyz`)).rejects.toThrow();
    }
  });

  it("lets go of its folder when it cannot start", async () => {
    const registry = await startFakeRegistry();
    const settings = await settingsFor(registry.origin);
    const upstream = { ...settings.upstream, ca: ["/nowhere.pem"] };
    await expect(compose({ ...settings, upstream }, keptLog().log)).rejects.toThrow("UPSTREAM_CA");
    const app = await compose(settings, keptLog().log);
    await app.start();
    await app.stop(AbortSignal.timeout(5_000));
  });
});
