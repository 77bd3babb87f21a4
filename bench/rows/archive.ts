/** The rows with S3 behind the disk, beside the disk alone: what it costs, and what it gives where the disk has no room. */
import { access, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fixed, megabytes, pairs, type Row } from "../measure.ts";
import { plain } from "../parts/curl.ts";
import { type Running, start } from "../parts/running.ts";
import { entrepotEnvironment, ports, type Scene } from "../parts/scene.ts";

const size = 256 * 1024 * 1024;
const s3Port = 17070;
const login = { access: "bench", secret: "bench-secret" };
/** Built by scripts/install-journey-parts.sh. */
const versity = `${homedir()}/.cache/entrepot-journeys/versitygw`;

async function startS3(folder: string): Promise<Running> {
  await mkdir(`${folder}/s3/images`, { recursive: true });
  const keys = ["--access", login.access, "--secret", login.secret];
  const args = [...keys, "--port", `127.0.0.1:${s3Port}`, "--quiet", "posix", `${folder}/s3`];
  return start({ command: versity, args, core: 1, port: s3Port, log: `${folder}/s3.log` });
}

async function startEntrepot(folder: string, port: number, maxSize: string): Promise<Running> {
  return start({
    command: process.execPath,
    args: [
      "--max-semi-space-size=8",
      "--v8-pool-size=1",
      fileURLToPath(new URL("../../dist/app/main.js", import.meta.url)),
    ],
    env: {
      ...entrepotEnvironment(folder),
      ...{ PORT: String(port), DATA_DIR: `${folder}/data-${port}`, CACHE_MAX_SIZE: maxSize },
      STORE: `s3://images/${port}?endpoint=http://127.0.0.1:${s3Port}`,
      ...{ S3_ACCESS_KEY: login.access, S3_SECRET_KEY: login.secret },
    },
    ...{ core: 0, port, log: `${folder}/entrepot-${port}.log` },
  });
}

async function speed(port: number, blob: string): Promise<number> {
  const { status, bytes, seconds } = await plain(port, `/v2/fast/app/blobs/${blob}`);
  if (status !== 200 || bytes !== size) throw new Error(`transfer failed: ${status}, ${bytes}`);
  return size / seconds;
}

/** It is a file of its name once all of it is there. */
async function archived({ folder }: Scene, port: number, blob: string): Promise<void> {
  const hex = blob.slice(7);
  const file = `${folder}/s3/images/${port}/blobs/sha256/${hex.slice(0, 2)}/${hex}`;
  while (!(await isThere(file))) await pause(50);
}

/** Nothing of it is on the disk any more. */
async function away({ folder }: Scene, port: number, blob: string): Promise<void> {
  const hex = blob.slice(7);
  const file = `${folder}/data-${port}/blobs/sha256/${hex.slice(0, 2)}/${hex}.${size}`;
  while (await isThere(file)) await pause(50);
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

const row = (work: string, seen: Awaited<ReturnType<typeof pairs>>): Row => ({
  ...{ work, ours: megabytes(seen.ours), peer: `disk alone ${megabytes(seen.theirs)}` },
  ...{ ratio: fixed(seen.ratio), bar: "–", isMet: undefined },
});

export async function archive(scene: Scene, rounds: number): Promise<Row[]> {
  const { folder } = scene;
  const [tiered, tierless] = [17138, 17139];
  const running = [
    await startS3(folder),
    await startEntrepot(folder, tiered, "32 GiB"),
    await startEntrepot(folder, tierless, "1 MiB"),
  ];
  try {
    const { blob } = await scene.image(size);
    const warm = (port: number) => () => speed(port, blob);
    for (const port of [ports.entrepot, tiered, tierless]) await speed(port, blob);
    for (const port of [tiered, tierless]) await archived(scene, port, blob);
    await away(scene, tierless, blob);
    const cold = (port: number) => async () => {
      const fresh = (await scene.image(size)).blob;
      const seen = await speed(port, fresh);
      // What goes to S3 afterwards is nobody's next round.
      if (port !== ports.entrepot) await archived(scene, port, fresh);
      return seen;
    };
    return [
      row(
        "warm blob 256 MiB, plain, S3 behind the disk",
        await pairs(rounds, warm(ports.entrepot), warm(tiered)),
      ),
      row(
        "  the same, no room on the disk: from S3",
        await pairs(rounds, warm(ports.entrepot), warm(tierless)),
      ),
      row(
        "cold blob 256 MiB, plain, S3 behind the disk",
        await pairs(rounds, cold(ports.entrepot), cold(tiered)),
      ),
      row(
        "  the same, no room on the disk",
        await pairs(rounds, cold(ports.entrepot), cold(tierless)),
      ),
    ];
  } finally {
    await Promise.all(running.map((one) => one.stop()));
  }
}
