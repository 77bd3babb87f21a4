import { readdir, readlink } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { openDataFolder } from "../../src/store/disk/data-folder.ts";
import { DiskBlobStore } from "../../src/store/disk/disk-blob-store.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { FaultyBlobs, type Trouble } from "../cache/support/faulty-blobs.ts";
import { askFor, content, pull, readAll, scene } from "../cache/support/pulling.ts";
import type { Script } from "../cache/support/scripted-registry.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const kib = 1024;
const bytes = content(600 * kib + 7);
const last = bytes.length - 1;

const positions = { first: 0, second: 1, middle: 300 * kib, last, end: bytes.length };

/** How the upstream takes the request to go on. */
const manners: Readonly<Record<string, { script: Script; requests: number }>> = {
  "sends the part": { script: {}, requests: 2 },
  "sends the whole": { script: { ignoreRange: true }, requests: 2 },
  "sends another part": { script: { wrongRange: 3 }, requests: 3 },
};

function timeout(): Promise<never> {
  const silent = Promise.reject(new UpstreamError("TIMEOUT", "test", "silent for 30 s"));
  // Nobody may be reading yet.
  silent.catch(() => undefined);
  return silent;
}

const breaks: Readonly<Record<string, (at: number) => Script>> = {
  "is cut": (at) => ({ cutAt: at }),
  "ends early": (at) => ({ endAt: at }),
  stalls: (at) => ({ stallAt: at, gate: timeout() }),
};

describe("a download whose upstream", () => {
  for (const [what, brokenAt] of Object.entries(breaks)) {
    for (const [where, at] of Object.entries(positions)) {
      for (const [how, { script, requests }] of Object.entries(manners)) {
        if (at === bytes.length) continue;
        it(`${what} at the ${where} byte and then ${how} goes on, and no client notices`, async () => {
          const { downloads, digest, upstream, blobs, events } = scene(bytes, (nth) =>
            nth === 0 ? brokenAt(at) : script,
          );
          const bodies = await Promise.all([
            pull(downloads, askFor(digest)),
            pull(downloads, askFor(digest, { from: 1_000 }), { buffer: 5_000 }),
          ]);
          expect(bodies[0]?.equals(bytes)).toBe(true);
          expect(bodies[1]?.equals(bytes.subarray(1_000))).toBe(true);
          expect(upstream.seen).toHaveLength(at === 0 ? 2 : requests);
          if (how === "sends the part") expect(upstream.sent).toBe(bytes.length);
          expect(events.filter(({ kind }) => kind === "downloadResumed")).toHaveLength(1);
          await downloads.close();
          expect(await blobs.stat(digest)).toMatchObject({ size: bytes.length });
          await eventually(() => expect(upstream.open).toBe(0));
        });
      }
    }
  }

  it("is cut right behind the last byte of a blob without a length finds that nothing is missing", async () => {
    const { downloads, digest, upstream } = scene(bytes, (nth) => ({
      noLength: true,
      ...(nth === 0 && { cutAt: bytes.length }),
    }));
    expect((await pull(downloads, askFor(digest))).equals(bytes)).toBe(true);
    expect(upstream.sent).toBe(bytes.length);
    await downloads.close();
  });

  it("answers 503 or 429 to the request to go on is asked again, later and later", async () => {
    const { downloads, digest, upstream, clock } = scene(bytes, (nth) => {
      if (nth === 0) return { cutAt: 5 };
      return nth < 5 ? { status: nth % 2 === 0 ? 503 : 429 } : {};
    });
    expect((await pull(downloads, askFor(digest))).equals(bytes)).toBe(true);
    expect(upstream.seen).toHaveLength(6);
    expect(clock.pauses.filter((pause) => pause === 200)).toHaveLength(5);
    await downloads.close();
  });

  it("breaks again and again goes on as long as each try brings something", async () => {
    const { downloads, digest, upstream } = scene(bytes, (nth) => ({
      cutAt: 50 * kib * (nth + 1),
    }));
    expect((await pull(downloads, askFor(digest))).equals(bytes)).toBe(true);
    expect(upstream.sent).toBe(bytes.length);
    await downloads.close();
  });

  it("brings nothing in five more tries is given up, and its readers are cut", async () => {
    const { downloads, digest, upstream, blobs, events } = scene(bytes, () => ({
      cutAt: 300 * kib,
      ignoreRange: true,
    }));
    const { source } = await downloads.open(askFor(digest));
    expect(await readAll(source, { to: 300 * kib })).toHaveLength(300 * kib);
    await expect(readAll(source)).rejects.toMatchObject({ code: "RESET" });
    expect(upstream.seen).toHaveLength(6);
    await source.close();
    await downloads.close();
    expect(await blobs.stat(digest)).toBeUndefined();
    expect(events.at(-1)).toMatchObject({ kind: "downloadFailed", received: 300 * kib });
  });

  it("suddenly has another length is not believed", async () => {
    const { downloads, digest, upstream } = scene(bytes, (nth) => {
      if (nth === 0) return { cutAt: 300 * kib };
      return nth === 1 ? { lie: 1 } : {};
    });
    expect((await pull(downloads, askFor(digest))).equals(bytes)).toBe(true);
    await downloads.close();
    await eventually(() => expect(upstream.open).toBe(0));
  });

  for (const at of [0, 300 * kib, last]) {
    it(`sends a wrong byte ${at} after a resume is found out`, async () => {
      const { downloads, digest, blobs } = scene(bytes, (nth) =>
        nth === 0 ? { cutAt: at } : { corruptAt: at },
      );
      await expect(pull(downloads, askFor(digest))).rejects.toMatchObject({ code: "WRONG_DIGEST" });
      await downloads.close();
      expect(await blobs.stat(digest)).toBeUndefined();
    });
  }

  it("sends bytes beyond the end of a blob without a length is found out", async () => {
    const { downloads, digest } = scene(bytes, () => ({ noLength: true, extra: 1 }));
    await expect(pull(downloads, askFor(digest))).rejects.toMatchObject({ code: "WRONG_DIGEST" });
    await downloads.close();
  });
});

describe("a download on a disk that", () => {
  const troubles: Readonly<Record<string, Trouble>> = {
    "has no room at all": { fullAt: 0 },
    "has room for one byte": { fullAt: 1 },
    "is full in the middle": { fullAt: 300 * kib },
    "is full in the tail": { fullAt: bytes.length - 1_000 },
    "is full at the last byte": { fullAt: last },
    "cannot be read": { unreadableAfter: 0 },
    "cannot be read after a while": { unreadableAfter: 4 },
    "is full and then cannot be read": { fullAt: 300 * kib, unreadableAfter: 3 },
    "cannot keep what it has": { noCommit: true },
  };
  for (const [what, trouble] of Object.entries(troubles)) {
    for (const noLength of [false, true]) {
      it(`${what} serves everybody (${noLength ? "no length" : "length known"})`, async () => {
        const blobs = new FaultyBlobs(trouble);
        const { downloads, digest, upstream, events } = scene(bytes, () => ({ noLength }), {
          blobs,
        });
        const froms = [0, 0, 1, 299 * kib, 301 * kib, last];
        const bodies = await Promise.all(
          froms.map((from) => pull(downloads, askFor(digest, { from }), { buffer: 30_000 })),
        );
        for (const [index, body] of bodies.entries()) {
          expect(body.equals(bytes.subarray(froms[index]))).toBe(true);
        }
        expect(events.filter(({ kind }) => kind === "diskFailed")).toHaveLength(1);
        await downloads.close();
        expect(await blobs.stat(digest)).toBeUndefined();
        expect(blobs.drafts).toBe(0);
        await eventually(() => expect(upstream.open).toBe(0));
      });
    }
  }

  for (const at of [0, 299 * kib, 301 * kib, last]) {
    it(`is full still completes no wrong byte at ${at} for anybody`, async () => {
      const blobs = new FaultyBlobs({ fullAt: 300 * kib });
      const { downloads, digest } = scene(bytes, () => ({ corruptAt: at }), { blobs });
      const pulls = [0, 200 * kib, 400 * kib].map((from) =>
        pull(downloads, askFor(digest, { from })),
      );
      for (const outcome of await Promise.allSettled(pulls)) {
        expect(outcome).toMatchObject({ reason: { code: "WRONG_DIGEST" } });
      }
      await downloads.close();
    });
  }

  it("cannot be read any more completes no body whose beginning was wrong", async () => {
    const blobs = new FaultyBlobs({ unreadableAfter: 4 });
    const { downloads, digest } = scene(bytes, (nth) => (nth === 0 ? { corruptAt: 9 } : {}), {
      blobs,
    });
    await expect(pull(downloads, askFor(digest), { buffer: 30_000 })).rejects.toThrow();
    await downloads.close();
  });

  it("is full lets each reader's own way heal too", async () => {
    const blobs = new FaultyBlobs({ fullAt: 300 * kib });
    const { downloads, digest, upstream } = scene(
      bytes,
      (nth) => (nth === 1 ? { cutAt: 400 * kib } : {}),
      { blobs },
    );
    expect((await pull(downloads, askFor(digest))).equals(bytes)).toBe(true);
    const ranges = upstream.seen.map(({ request }) => request.headers.get("range")?.[0]);
    expect(ranges.at(-1)).toBe(`bytes=${400 * kib}-`);
    await downloads.close();
  });

  it("has room again keeps the next download", async () => {
    const blobs = new FaultyBlobs({ fullAt: 300 * kib });
    const { downloads, digest } = scene(bytes, undefined, { blobs });
    await pull(downloads, askFor(digest));
    blobs.trouble = {};
    await pull(downloads, askFor(digest));
    await downloads.close();
    expect(await blobs.stat(digest)).toMatchObject({ size: bytes.length });
  });
});

describe("a download into a real folder", () => {
  async function openFiles(): Promise<number> {
    const names = await readdir("/proc/self/fd");
    const targets = await Promise.all(
      names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")),
    );
    return targets.filter((target) => target.includes("entrepot-test-")).length;
  }

  it("feeds fast, slow, late and leaving readers and leaves one file and nothing open", async () => {
    const folder = await openDataFolder(await temporaryFolder());
    const blobs = await DiskBlobStore.open(folder);
    const before = await openFiles();
    const big = content(3_000_000);
    const { downloads, digest, upstream } = scene(big, () => ({ piece: 16 * kib }), { blobs });
    const slow = await downloads.open(askFor(digest));
    const readers = Array.from({ length: 20 }, (_, index) =>
      pull(downloads, askFor(digest, { from: index * 1_000 }), { buffer: 10_000 + index * 7_000 }),
    );
    const leaving = await downloads.open(askFor(digest));
    await readAll(leaving.source, { to: 100_000 });
    await leaving.source.close();
    for (const [index, body] of (await Promise.all(readers)).entries()) {
      expect(body.equals(big.subarray(index * 1_000))).toBe(true);
    }
    await eventually(async () => expect(await blobs.stat(digest)).toBeDefined());
    await blobs.delete(digest);
    expect((await readAll(slow.source)).equals(big)).toBe(true);
    await slow.source.close();
    expect(upstream.seen).toHaveLength(1);
    await downloads.close();
    expect(await openFiles()).toBe(before);
    expect(await readdir(`${folder.path}/partial`)).toEqual([]);
    await folder.close();
  });

  it("leaves no partial file after wrong bytes, nor when it is closed midway", async () => {
    const folder = await openDataFolder(await temporaryFolder());
    const blobs = await DiskBlobStore.open(folder);
    const wrong = scene(bytes, () => ({ corruptAt: 9 }), { blobs });
    await expect(pull(wrong.downloads, askFor(wrong.digest))).rejects.toThrow();
    await wrong.downloads.close();
    const stalled = scene(bytes, () => ({ stallAt: 5, gate: new Promise(() => undefined) }), {
      blobs,
    });
    await stalled.downloads.open(askFor(stalled.digest));
    await stalled.downloads.close();
    expect(await readdir(`${folder.path}/partial`)).toEqual([]);
    await folder.close();
  });
});
