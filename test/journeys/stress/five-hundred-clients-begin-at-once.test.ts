import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { Clients } from "./support/clients/clients.ts";
import { rawPull } from "./support/clients/raw-pull.ts";
import { tell } from "./support/figures.ts";
import { blobPath, MiB, repository, setScene, throughMirror } from "./support/scene.ts";
import { seededBytes } from "./support/seeded.ts";
import { Stressed } from "./support/stressed.ts";

const main = join(import.meta.dirname, "support/clients/readers-main.ts");
const seconds = 8;

/** What a process has read so far, files and sockets alike. */
async function takenBy(pid: number | undefined): Promise<number> {
  const [, bytes] = /^rchar: (\d+)/m.exec(await readFile(`/proc/${pid}/io`, "utf8")) ?? [];
  return Number(bytes);
}

it("five hundred clients that begin one kept blob at once keep nobody else waiting", async () => {
  const scene = await setScene();
  const stressed = await Stressed.start(scene.folder, scene.env);
  const way = throughMirror(stressed);
  const digest = scene.upstream.addBlob(seededBytes("crowd", 64 * MiB));
  const small = scene.upstream.addBlob(seededBytes("small", 400));
  const warm = new Clients();
  for (const one of [digest, small]) await warm.herd({ ...way, clients: 1, path: blobPath(one) });
  await warm.close();

  const path = blobPath(digest);
  const crowd = spawn(process.execPath, [main, String(stressed.port), path, "500"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void crowd.kill("SIGKILL"));
  await once(crowd.stdout, "data");
  const overtaken: number[] = [];
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
    for (const asked of [blobPath(small), `/v2/${repository}/tags/list`, "/healthz"]) {
      const already = await takenBy(crowd.pid);
      expect((await rawPull({ port: way.port }, { path: asked })).isComplete).toBe(true);
      // What others were given first: that depends on no machine, as time would.
      overtaken.push((await takenBy(crowd.pid)) - already);
    }
  }
  overtaken.sort((one, other) => one - other);
  const at = (part: number) =>
    (overtaken[Math.floor((overtaken.length - 1) * part)] ?? Number.NaN) / MiB;
  tell({ asked: overtaken.length, p50: at(0.5), p99: at(0.99), worst: at(1) });
  expect(at(0.5)).toBeLessThanOrEqual(100);
  expect(at(1)).toBeLessThanOrEqual(1_500);
});
