/** A day whose every pull is known, and what the back office says of it. */
import { copyFile, readFile, stat } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { ImagePage } from "../../src/doors/back-office/images.ts";
import { bytes as inBytes } from "../../src/doors/back-office/in-words.ts";
import type { Sums } from "../../src/store/catalogue-store.ts";
import { SqliteCatalogue } from "../../src/store/sqlite/sqlite-catalogue.ts";
import { eventually } from "../support/eventually.ts";
import { holdHeaders, stallAt } from "../support/fake-registry/fault.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { direct, tunnel, viaProxy } from "./support/client.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let scene: Scene;
let registry: NamedRegistry;
let program: Program;
let image: Image;

const layerSize = 300_000;
const headers = { accept: manifestType };

beforeEach(async () => {
  scene = await Scene.open();
  registry = await scene.registry("registry.test");
  image = addImage(registry.server, "team/app");
  program = await scene.start({
    ...{ REGISTRIES: registry.name, POLICY: JSON.stringify({ deny: ["*/team/secret"] }) },
  });
});

async function api<T>(path: string): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${program.adminPort}/api/v1/${path}`);
  return (await answer.json()) as T;
}

async function metrics(): Promise<ReadonlyMap<string, number>> {
  const page = await (await fetch(`http://127.0.0.1:${program.adminPort}/metrics`)).text();
  const lines = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space).replace(/^entrepot_/, ""), Number(line.slice(space + 1))];
    }),
  );
}

const viaDoor = (path: string, method = "GET") =>
  viaProxy(program, registry.name, `/v2/${path}`, { headers, method });

async function pull({ repository, tag, config, layer }: Image): Promise<number> {
  let bytes = 0;
  for (const path of [`manifests/${tag}`, `blobs/${config}`, `blobs/${layer}`]) {
    const { status, body } = await viaDoor(`${repository}/${path}`);
    expect(status).toBe(200);
    bytes += body.length;
  }
  return bytes;
}

/** Who asks before that rides along with who asked first. */
function untilKept(...digests: readonly string[]): Promise<boolean> {
  const isKept = (digest: string) =>
    program.lines.some((line) => line.includes("kept a blob") && line.includes(digest));
  return eventually(() => digests.every(isKept));
}

/** Two clients at once, the second while the first's blob has come halfway. */
async function pullTogether(path: string): Promise<void> {
  const half = stallAt(100_000);
  registry.server.misbehave({ path: /\/blobs\//, times: 1 }, half);
  const first = viaDoor(path);
  await half.gate.reached;
  const second = viaDoor(path);
  await eventually(async () => (await metrics()).get("download_readers") === 2);
  half.gate.open();
  await Promise.all([first, second]);
}

describe("a day of pulls", () => {
  it("is counted as it was", async () => {
    const whole = await pull(image);
    await untilKept(image.config, image.layer);
    expect(await pull(image)).toBe(whole);
    const shared = addImage(registry.server, "team/other");
    await pullTogether(`team/other/blobs/${shared.layer}`);
    expect((await viaDoor("team/secret/manifests/1")).status).toBe(403);
    scene.aheadMs += 60_000;
    const silent = holdHeaders();
    registry.server.misbehave({ path: /manifests/ }, silent);
    expect((await viaDoor("team/app/manifests/1")).headers["cache-status"]).toContain("stale");
    expect((await metrics()).get(`upstream_up{registry="${registry.name}"}`)).toBe(0);
    silent.gate.open();
    expect((await tunnel(program, `127.0.0.1:${program.adminPort}`)).status).toBe(403);

    const of = (labels: string) => `{${labels.replaceAll("R", registry.name)}}`;
    const counted = {
      [`requests_total${of('door="proxy",registry="R",kind="manifest",outcome="miss"')}`]: 1,
      [`requests_total${of('door="proxy",registry="R",kind="manifest",outcome="hit"')}`]: 1,
      [`requests_total${of('door="proxy",registry="R",kind="manifest",outcome="stale"')}`]: 1,
      [`requests_total${of('door="proxy",registry="R",kind="manifest",outcome="refused"')}`]: 1,
      [`requests_total${of('door="proxy",registry="R",kind="blob",outcome="miss"')}`]: 3,
      [`requests_total${of('door="proxy",registry="R",kind="blob",outcome="hit"')}`]: 2,
      [`requests_total${of('door="proxy",registry="R",kind="blob",outcome="collapsed"')}`]: 1,
      'responses_total{door="proxy",code="200"}': 9,
      'responses_total{door="proxy",code="403"}': 1,
      [`pulls_total${of('registry="R",source="upstream"')}`]: 1,
      [`pulls_total${of('registry="R",source="cache"')}`]: 2,
      [`client_bytes_total${of('registry="R",source="shared"')}`]: layerSize,
      [`client_bytes_total${of('registry="R",source="upstream"')}`]: whole + layerSize,
      'refused_total{reason="policy"}': 2,
      'downloads_total{result="complete"}': 3,
      [`upstream_requests_total${of('registry="R",kind="blob",result="ok"')}`]: 3,
      [`upstream_requests_total${of('registry="R",kind="manifest",result="timeout"')}`]: 1,
      downloads_in_flight: 0,
      'requests_in_flight{door="proxy"}': 0,
      store_writable: 1,
      metrics_series_dropped_total: 0,
    };
    // A moment after the client has the last byte.
    const seen = await eventually(async () => {
      const page = await metrics();
      expect(Object.fromEntries(page)).toMatchObject(counted);
      return page;
    });
    const fromDisk = seen.get(`client_bytes_total${of('registry="R",source="disk"')}`) ?? 0;
    const fromMemory = seen.get(`client_bytes_total${of('registry="R",source="memory"')}`) ?? 0;
    expect(fromDisk + fromMemory / 2).toBe(whole);
    const fetched = seen.get(`upstream_bytes_total${of('registry="R"')}`) ?? 0;
    expect(fetched).toBe(whole + layerSize);
    // What is kept takes whole blocks of the disk.
    const kept = seen.get("cache_bytes") ?? 0;
    expect(kept).toBeGreaterThanOrEqual(whole + layerSize);
    expect(kept).toBeLessThan(whole + layerSize + 5 * 4_096);

    const { day } = await api<{ day: Sums }>("stats");
    expect(day).toEqual({
      ...{ requests: 10, errors: 0, pulls: 3, cachedPulls: 2, fetched },
      sent: day.sent,
      saved: fromDisk + fromMemory + layerSize,
    });
    const { requests } = await api<{ requests: readonly { outcome: string }[] }>("requests");
    expect(requests.map(({ outcome }) => outcome).sort()).toEqual(
      ["collapsed", "hit", "hit", "hit", "miss", "miss", "miss", "miss", "refused", "stale"].sort(),
    );
    const logged = program.lines.filter((line) => line.includes('"msg":"request"'));
    expect(logged).toHaveLength(10);
    const sent = logged.reduce((sum, line) => sum + Number(JSON.parse(line).bytes), 0);
    expect(sent).toBe(day.sent);
    const words = logged.map((line) => JSON.parse(line).cache ?? "refused");
    expect(words.sort()).toEqual(requests.map(({ outcome }) => outcome).sort());

    const refused = logged.find((line) => JSON.parse(line).status === 403) ?? "{}";
    let given = 0;
    for (const [name, value] of seen) if (name.startsWith("client_bytes_total")) given += value;
    expect(given + Number(JSON.parse(refused).bytes)).toBe(day.sent);

    const page = await (await fetch(`http://127.0.0.1:${program.adminPort}/`)).text();
    const figures = [...page.matchAll(/<dt>([^<]+)<\/dt><dd>([^<]+)/g)].map(([, ...pair]) => pair);
    expect(Object.fromEntries(figures)).toMatchObject({
      ...{ Saved: `${inBytes(day.saved)} `, Pulls: "3", "From the cache": "67 %" },
      Kept: `${inBytes(kept)} `,
    });
    expect(page).toContain(`<small>of ${inBytes(day.sent)}</small>`);
  });

  it("is in the catalogue under the names that were pulled", async () => {
    await pull(image);
    await viaDoor(`team/app/manifests/${image.manifest}`);
    await untilKept(image.config, image.layer);
    const pulled = await eventually(async () => {
      const { images } = await api<ImagePage>("images?search=team+app");
      expect(images).toMatchObject([
        {
          ...{ registry: registry.name, repository: "team/app", reference: image.tag },
          ...{ digest: image.manifest, pulls: 2, state: "kept", visibility: "public" },
        },
      ]);
      return images[0];
    });
    expect(pulled?.bytes.kept).toBe(pulled?.bytes.whole);
    expect(pulled?.bytes.own).toBeGreaterThan(layerSize);
    const name = `${registry.name}/team/app:${image.tag}`;
    expect(await api(`image?name=${name}`)).toMatchObject({ blobs: [{}, { size: layerSize }] });
    expect(await api("image?name=ghcr.io/none/such:1")).toEqual({
      error: "ghcr.io/none/such:1 was never asked for here",
    });
  });

  it("is still known after a kill -9", async () => {
    await pull(image);
    await eventually(async () => (await api<{ day: Sums }>("stats")).day.pulls === 1);
    // What lies on the disk right now, as a crash leaves it.
    const crashed = await temporaryFolder();
    for (const end of ["", "-wal", "-shm"]) {
      const file = `statistics.sqlite${end}`;
      await copyFile(join(program.dataDir, file), join(crashed, file));
    }
    const store = SqliteCatalogue.open(join(crashed, "statistics.sqlite"));
    onTestFinished(() => store.close());
    const query = { search: "", sort: "name", offset: 0, limit: 10 } as const;
    expect(store.images(query)).toMatchObject({ total: 1, images: [{ pulls: 1 }] });
    expect(store.sums("day", 0)).toMatchObject([{ sums: { pulls: 1 } }]);
  });
});

describe("the back office", () => {
  it("has a socket for its owner alone, that is gone after a stop", async () => {
    const path = join(program.dataDir, "control.sock");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const asked = httpRequest({ socketPath: path, path: "/metrics" }, (answer) => {
        answer.resume().once("end", () => resolve(answer.statusCode));
      });
      asked.once("error", reject).end();
    });
    expect(status).toBe(200);
    await program.stop();
    await expect(stat(path)).rejects.toThrow("ENOENT");
  });

  it("is nothing that the public listener leads to", async () => {
    const authority = `localhost:${program.adminPort}`;
    const { status, reason } = await tunnel(program, authority);
    expect([status, reason]).toEqual([403, expect.stringContaining("back office")]);
    const page = await direct(program, `http://${authority}/metrics`);
    expect(page.status).toBe(403);
    expect((await direct(program, "/metrics")).status).toBe(404);
  });

  it("shows no secret", async () => {
    const secret = await readFile(join(program.dataDir, "token.secret"));
    const page = await (await fetch(`http://127.0.0.1:${program.adminPort}/metrics`)).text();
    expect(page).not.toContain(secret.toString("base64url"));
    expect(page).not.toContain("team/app");
  });
});
