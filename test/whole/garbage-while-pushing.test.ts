/** Garbage is collected every two seconds while clients push, pull and delete; time is the test's. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { nodeFileSystem, type OpenFile } from "../../src/store/disk/file-system.ts";
import { FakeS3 } from "../support/fake-s3.ts";
import { postgresServer } from "../support/record-servers.ts";
import { sharedSettings } from "../support/shared-settings.ts";
import { collectGarbage } from "./support/control.ts";
import { Scene } from "./support/program.ts";
import { PushTraffic } from "./support/push-traffic.ts";

const { GARBAGE_EVENTS = "10000", SOAK_MINUTES = "60" } = process.env;
/** In the soak an hour of them. */
const events = Math.max(
  Math.min(10_000, Number(GARBAGE_EVENTS)),
  (Number(GARBAGE_EVENTS) * Number(SOAK_MINUTES)) / 60,
);
const clients = 8;
/** Milliseconds that go by with each event. */
const step = 20;
const lease = 10_000;

type SoakSettings = {
  readonly lease: string;
  readonly stopsAtOnce: boolean;
  readonly store?: Readonly<Record<string, string>>;
  /** How many times fewer events than the others. */
  readonly fewer?: number;
  /** Now and then. */
  readonly trouble?: () => Promise<void>;
};

async function soak(settings: SoakSettings) {
  const scene = await Scene.open();
  scene.names.set("localhost", ["127.0.0.1"]);
  const clock = { time: Date.now() };
  scene.now = () => clock.time;
  const removed = { bytes: 0 };
  scene.fs = {
    ...nodeFileSystem,
    // No power goes here, and tens of thousands of syncs take most of the time.
    open: async (path, flags, mode) => unsynced(await nodeFileSystem.open(path, flags, mode)),
    unlink: async (path) => {
      if (path.includes("/blobs/")) removed.bytes += (await lstat(path)).size;
      await nodeFileSystem.unlink(path);
    },
  };
  const host = "registry.lan";
  const program = await scene.start({
    ...{ HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true", HOSTED_LEASE: settings.lease },
    ...{ LOG_LEVEL: "warn", ...settings.store },
  });
  const reported = { runs: 0, broken: 0, bytes: 0 };
  const collect = async (): Promise<void> => {
    const collected = await collectGarbage(program, { untaggedAfter: 0 }).catch((error) => {
      if (settings.trouble === undefined) throw error;
      reported.broken += 1;
    });
    if (collected === undefined) return;
    const { freed } = collected;
    reported.runs += 1;
    for (const { size } of freed) reported.bytes += size;
  };
  let collecting: Promise<void> | undefined;
  let troubled: Promise<void> | undefined;
  const traffic = new PushTraffic({
    ...{ port: program.port, host, clients, seed: 7, stopsAtOnce: settings.stopsAtOnce },
    events: Math.ceil(events / (settings.fewer ?? 1)),
    tick: () => {
      clock.time += step;
    },
    between: (count) => {
      if (count % 150 === 0) {
        troubled ??= settings.trouble?.().finally(() => {
          troubled = undefined;
        });
      }
      if (count % (2_000 / step) === 0) {
        collecting ??= collect().finally(() => {
          collecting = undefined;
        });
      }
    },
  });
  await traffic.run();
  await Promise.all([collecting, troubled]);
  return { scene, program, clock, traffic, collect, reported, removed };
}

describe("garbage that is collected while eight clients push, pull, refer and delete", () => {
  it(
    "spoils no push and no pull, and frees what is needed no more, byte for byte as it says",
    async () => {
      const { program, clock, traffic, collect, reported, removed } = await soak({
        lease: "10 s",
        stopsAtOnce: false,
      });
      expect(traffic.spoilt).toEqual([]);
      clock.time += lease;
      await collect();
      const needed = await traffic.check();
      expect(traffic.spoilt).toEqual([]);
      traffic.close();
      expect(reported.bytes).toBe(removed.bytes);
      const needless = (await bytesIn(program.dataDir)) - sum(needed.values());
      const share = reported.bytes / (reported.bytes + needless);
      if (process.env.STRESS_FIGURES === "1") {
        process.stdout.write(
          `${JSON.stringify({ ...traffic.counts, ...reported, needless, share })}\n`,
        );
      }
      expect(reported.runs).toBeGreaterThan(events / 400);
      expect(share).toBeGreaterThanOrEqual(0.9);
    },
    300_000 + events * 50,
  );

  it(
    "frees in S3, too, what it frees on the disk",
    async () => {
      const s3 = await FakeS3.start();
      onTestFinished(() => s3.stop());
      const store = {
        STORE: `s3://images?endpoint=http://localhost:${s3.port}`,
        ...{ S3_ACCESS_KEY: "entrepot", S3_SECRET_KEY: "CANARY-s3" },
      };
      const soaked = await soak({ lease: "10 s", stopsAtOnce: false, store, fewer: 8 });
      const { program, clock, traffic, collect, reported, removed } = soaked;
      clock.time += lease;
      await collect();
      await traffic.check();
      expect(traffic.spoilt).toEqual([]);
      traffic.close();
      expect(reported.bytes).toBe(removed.bytes);
      const there = sum([...s3.objects.values()].map(({ bytes }) => bytes.length));
      expect(there).toBe(await bytesIn(program.dataDir));
    },
    300_000 + events * 50,
  );

  it(
    "spoils nothing where PostgreSQL has it, and is late again and again",
    async () => {
      const server = await postgresServer({ settings: { fsync: "on" } });
      await server.start();
      const scene = await Scene.open();
      const store = {
        ...{ RECORDS: `postgres://entrepot@127.0.0.1:${server.port}/postgres` },
        ...(await sharedSettings(scene)),
      };
      const trouble = async (): Promise<void> => {
        await server.process.pause();
        await pause(350);
        server.process.signal("SIGCONT");
      };
      const soaked = await soak({
        ...{ lease: "10 s", stopsAtOnce: false, store, fewer: 16, trouble },
      });
      const { program, clock, traffic, collect, reported, removed } = soaked;
      clock.time += lease;
      await collect();
      const needed = await traffic.check();
      expect(traffic.spoilt).toEqual([]);
      traffic.close();
      expect(traffic.counts.retry).toBeGreaterThan(0);
      expect(reported.bytes).toBe(removed.bytes);
      const needless = (await bytesIn(program.dataDir)) - sum(needed.values());
      // With so few events much is under a lease still; on the disk alone it is the same share.
      expect(reported.bytes / (reported.bytes + needless)).toBeGreaterThanOrEqual(0.7);
    },
    300_000 + events * 50,
  );

  it("spoils some where no lease protects them: this test can see it", async () => {
    const { traffic } = await soak({ lease: "0 s", stopsAtOnce: true });
    traffic.close();
    expect(traffic.spoilt.join("\n")).toMatch(/BLOB_UNKNOWN|is 404/);
  }, 120_000);
});

function unsynced(file: OpenFile): OpenFile {
  return {
    read: (buffer, offset, length, position) => file.read(buffer, offset, length, position),
    write: (buffer, offset, length, position) => file.write(buffer, offset, length, position),
    stat: () => file.stat(),
    truncate: (length) => file.truncate(length),
    sync: async () => undefined,
    close: () => file.close(),
  };
}

async function bytesIn(dataDir: string): Promise<number> {
  let bytes = 0;
  const folder = join(dataDir, "blobs");
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

function sum(sizes: Iterable<number>): number {
  let total = 0;
  for (const size of sizes) total += size;
  return total;
}
