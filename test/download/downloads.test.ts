import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { FaultyBlobs } from "../cache/support/faulty-blobs.ts";
import {
  askFor,
  content,
  pull,
  readAll,
  registry,
  repository,
  scene,
} from "../cache/support/pulling.ts";
import type { Script } from "../cache/support/scripted-registry.ts";
import { eventually } from "../support/eventually.ts";

const kib = 1024;
const large = content(700 * kib);

function gate() {
  return Promise.withResolvers<void>();
}

describe("downloads", () => {
  it("gives 64 clients of one cold blob all its bytes for one upstream request", async () => {
    const { downloads, upstream, digest, blobs } = scene(large);
    const asks = Array.from({ length: 64 }, () => downloads.open(askFor(digest)));
    const opened = await Promise.all(asks);
    const bodies = await Promise.all(opened.map(({ source }) => readAll(source)));
    expect(bodies.every((body) => body.equals(large))).toBe(true);
    expect(opened.filter(({ isFirst }) => isFirst)).toHaveLength(1);
    expect(upstream.seen).toHaveLength(1);
    expect(upstream.sent).toBe(large.length);
    await Promise.all(opened.map(({ source }) => source.close()));
    await downloads.close();
    expect(await blobs.stat(digest)).toMatchObject({ size: large.length });
  });

  it("answers with the first byte, long before the last", async () => {
    const stall = gate();
    const { downloads, digest } = scene(large, () => ({ stallAt: 1, gate: stall.promise }));
    const { source } = await downloads.open(askFor(digest));
    expect(source.size).toBe(large.length);
    const buffer = Buffer.alloc(10);
    expect(await source.read(buffer, 0, new AbortController().signal)).toBe(1);
    stall.resolve();
    expect((await readAll(source)).equals(large)).toBe(true);
    await source.close();
    await downloads.close();
  });

  it("answers 5 s after the upstream's headers when no byte comes", async () => {
    const stall = gate();
    const { downloads, digest, clock, upstream } = scene(large, () => ({
      stallAt: 0,
      gate: stall.promise,
    }));
    let isOpen = false;
    const opening = downloads.open(askFor(digest)).then((opened) => {
      isOpen = true;
      return opened;
    });
    await eventually(() => expect(clock.waiting).toBe(1));
    expect(upstream.seen).toHaveLength(1);
    expect(isOpen).toBe(false);
    clock.pass(5_000);
    const { source } = await opening;
    expect(source.size).toBe(large.length);
    stall.resolve();
    expect((await readAll(source)).equals(large)).toBe(true);
    await source.close();
    await downloads.close();
  });

  it("lets a client join midway, at any offset, and leave early", async () => {
    const stall = gate();
    const { downloads, upstream, digest } = scene(large, () => ({
      stallAt: 300 * kib,
      gate: stall.promise,
    }));
    const first = await downloads.open(askFor(digest));
    await readAll(first.source, { to: 300 * kib });
    const late = await downloads.open(askFor(digest, { from: 200 * kib }));
    expect(late.isFirst).toBe(false);
    const part = await readAll(late.source, { from: 200 * kib, to: 250 * kib });
    expect(part.equals(large.subarray(200 * kib, 250 * kib))).toBe(true);
    await late.source.close();
    const end = downloads.open(askFor(digest, { from: large.length - 10 }));
    stall.resolve();
    const { source } = await end;
    expect(await readAll(source, { from: large.length - 10 })).toEqual(large.subarray(-10));
    await source.close();
    expect((await readAll(first.source)).equals(large)).toBe(true);
    await first.source.close();
    expect(upstream.seen).toHaveLength(1);
    await downloads.close();
  });

  it("says how far a running download is", async () => {
    const stall = gate();
    const { downloads, digest } = scene(large, () => ({ stallAt: 100, gate: stall.promise }));
    expect(downloads.running(digest)).toBeUndefined();
    const { source } = await downloads.open(askFor(digest));
    expect(downloads.running(digest)).toMatchObject({ written: 100, size: large.length });
    stall.resolve();
    await readAll(source);
    expect(downloads.running(digest)).toBeUndefined();
    await source.close();
    await downloads.close();
  });

  it("is joined by who looked into the store just before it was kept", async () => {
    const { downloads, upstream, digest, clock } = scene(large);
    await pull(downloads, askFor(digest));
    expect((await pull(downloads, askFor(digest))).equals(large)).toBe(true);
    expect(upstream.seen).toHaveLength(1);
    await eventually(() => expect(clock.waiting).toBe(1));
    clock.pass(1_000);
    expect(clock.waiting).toBe(0);
    await pull(downloads, askFor(digest));
    expect(upstream.seen).toHaveLength(2);
    await downloads.close();
  });

  it("lets go of its file at once when the blob is evicted, and nobody joins it any more", async () => {
    const blobs = new FaultyBlobs();
    const { downloads, upstream, digest, clock } = scene(large, undefined, { blobs });
    await pull(downloads, askFor(digest));
    await eventually(() => expect([clock.waiting, blobs.drafts]).toEqual([1, 1]));
    downloads.gone(digestOf(Buffer.from("another")));
    expect(clock.waiting).toBe(1);
    await blobs.delete(digest);
    downloads.gone(digest);
    await eventually(() => expect([clock.waiting, blobs.drafts]).toEqual([0, 0]));
    await pull(downloads, askFor(digest));
    expect(upstream.seen).toHaveLength(2);
    await downloads.close();
  });

  it("passes the upstream's refusal to everybody of that source and keeps nothing", async () => {
    const { downloads, upstream, digest } = scene(large, () => ({ status: 404 }));
    const asks = Array.from({ length: 3 }, () => downloads.open(askFor(digest)));
    for (const outcome of await Promise.allSettled(asks)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { response: { status: 404 } } });
    }
    expect(upstream.seen).toHaveLength(1);
    await downloads.close();
  });

  it("rejects with the upstream's failure before any header", async () => {
    const fail = new UpstreamError("DNS", "test", "no such host");
    const { downloads, digest, upstream } = scene(large, () => ({ fail }));
    await expect(downloads.open(askFor(digest))).rejects.toBe(fail);
    expect(upstream.seen).toHaveLength(1);
    await downloads.close();
  });

  it("ends the wait of a client who leaves before the first byte", async () => {
    const headers = gate();
    const { downloads, digest } = scene(large, () => ({ holdHeaders: headers.promise }));
    const leaving = new AbortController();
    const gone = downloads.open(askFor(digest, { signal: leaving.signal }));
    const stays = pull(downloads, askFor(digest));
    leaving.abort();
    await expect(gone).rejects.toMatchObject({ code: "ABORTED" });
    headers.resolve();
    expect((await stays).equals(large)).toBe(true);
    await downloads.close();
  });
});

describe("downloads while the disk is left alone", () => {
  const huge = content(9_000 * kib);

  function paused(bytes: Buffer, script?: Parameters<typeof scene>[1]) {
    const blobs = new FaultyBlobs();
    blobs.create = () => Promise.reject(new StoreError("PAUSED", "for a while"));
    return scene(bytes, script, { blobs, isPaused: () => true });
  }

  it("costs one upstream request for one client, and keeps nothing", async () => {
    const { downloads, upstream, digest, blobs, events } = paused(huge);
    expect((await pull(downloads, askFor(digest))).equals(huge)).toBe(true);
    expect([upstream.seen.length, upstream.sent]).toEqual([1, huge.length]);
    expect(downloads.mayKeep(digest)).toBe(false);
    await downloads.close();
    expect(await blobs.stat(digest)).toBeUndefined();
    expect(events.map(({ kind }) => kind)).toEqual(["downloadStarted"]);
  });

  it("costs one for a herd that keeps pace, whatever part each wants", async () => {
    const { downloads, upstream, digest } = paused(huge);
    const froms = [0, 0, 0, 0, 100, 300 * kib];
    const bodies = await Promise.all(
      froms.map((from) => pull(downloads, askFor(digest, { from }))),
    );
    for (const [index, body] of bodies.entries())
      expect(body.equals(huge.subarray(froms[index]))).toBe(true);
    expect(upstream.seen).toHaveLength(1);
    await downloads.close();
  });

  it("costs one more for each who falls behind, and the others do not wait for him", async () => {
    const { downloads, upstream, digest } = paused(huge);
    const slow = await downloads.open(askFor(digest));
    expect(await readAll(slow.source, { to: 10 })).toHaveLength(10);
    expect((await pull(downloads, askFor(digest))).equals(huge)).toBe(true);
    expect((await readAll(slow.source, { from: 10 })).equals(huge.subarray(10))).toBe(true);
    await slow.source.close();
    expect(upstream.seen).toHaveLength(2);
    await downloads.close();
  });

  it("goes on when whoever was fastest leaves", async () => {
    const { downloads, upstream, digest } = paused(huge);
    const [first, second] = [
      await downloads.open(askFor(digest)),
      await downloads.open(askFor(digest)),
    ];
    await readAll(first.source, { to: 1_000 * kib });
    const begin = await readAll(second.source, { to: 900 * kib });
    await first.source.close();
    const rest = await readAll(second.source, { from: 900 * kib });
    expect(Buffer.concat([begin, rest]).equals(huge)).toBe(true);
    await second.source.close();
    expect(upstream.seen).toHaveLength(1);
    await downloads.close();
  });

  it("stops the download when its last reader leaves: nobody would find the blob", async () => {
    const { downloads, upstream, digest } = paused(huge);
    const { source } = await downloads.open(askFor(digest));
    await readAll(source, { to: 10 });
    await source.close();
    await eventually(() => expect(upstream.open).toBe(0));
    expect(upstream.sent).toBeLessThan(huge.length);
    await downloads.close();
  });

  it("completes no wrong byte for anybody", async () => {
    const { downloads, digest } = paused(huge, () => ({ corruptAt: 3_000 * kib }));
    const pulls = [0, 1_000 * kib].map((from) => pull(downloads, askFor(digest, { from })));
    for (const outcome of await Promise.allSettled(pulls))
      expect(outcome).toMatchObject({ reason: { code: "WRONG_DIGEST" } });
    await downloads.close();
  });
});

describe("downloads of more than is kept", () => {
  it("passes a blob that is declared too large on, once for all, and keeps nothing", async () => {
    const options = { mostKept: large.length - 1 };
    const { downloads, upstream, digest, blobs, events } = scene(large, undefined, options);
    expect(downloads.mayKeep(digest)).toBe(true);
    const bodies = await Promise.all([0, 1].map(() => pull(downloads, askFor(digest))));
    expect(bodies.every((body) => body.equals(large))).toBe(true);
    expect(upstream.seen).toHaveLength(1);
    await downloads.close();
    expect(await blobs.stat(digest)).toBeUndefined();
    expect(downloads.mayKeep(digest)).toBe(false);
    const told = events.filter(({ kind }) => kind === "blobTooLarge");
    expect(told).toMatchObject([{ digest, size: large.length }]);
  });

  it("keeps a blob of just that size", async () => {
    const { downloads, digest, blobs } = scene(large, undefined, { mostKept: large.length });
    await pull(downloads, askFor(digest));
    await downloads.close();
    expect(await blobs.stat(digest)).toMatchObject({ size: large.length });
  });

  it("passes the rest of a blob on that grows too large without having declared it", async () => {
    const { downloads, upstream, digest, blobs, events } = scene(
      large,
      () => ({ noLength: true, piece: 10 * kib }),
      { mostKept: 300 * kib },
    );
    expect((await pull(downloads, askFor(digest))).equals(large)).toBe(true);
    expect(upstream.seen).toHaveLength(2);
    await downloads.close();
    expect(await blobs.stat(digest)).toBeUndefined();
    const kinds = events.map(({ kind }) => kind);
    expect(kinds).toEqual(["downloadStarted", "blobTooLarge"]);
    expect(downloads.mayKeep(digest)).toBe(false);
  });
});

describe("downloads of several sources", () => {
  const alice = { kind: "client", authorization: "alice" } as const;
  const bob = { kind: "client", authorization: "bob" } as const;
  const carol = { kind: "client", authorization: "carol" } as const;

  it("shares nothing with another access that has proven nothing", async () => {
    const { downloads, upstream, digest } = scene(large, (_, who) =>
      who === "bob" ? { status: 403 } : {},
    );
    const [first, second] = await Promise.allSettled([
      pull(downloads, askFor(digest, { access: alice })),
      pull(downloads, askFor(digest, { access: bob })),
    ]);
    expect(first.status).toBe("fulfilled");
    expect(second).toMatchObject({ reason: { response: { status: 403 } } });
    expect(upstream.seen).toHaveLength(2);
    await downloads.close();
  });

  it("shares with another registry once the caller has seen that it may", async () => {
    const { downloads, upstream, digest } = scene(large);
    const other = {
      registry: registry("other.example"),
      repository: repository("x"),
      isProven: true,
    };
    const bodies = await Promise.all([
      pull(downloads, askFor(digest)),
      pull(downloads, askFor(digest, other)),
    ]);
    expect(bodies.every((body) => body.equals(large))).toBe(true);
    expect(upstream.seen).toHaveLength(1);
    await downloads.close();
  });

  it("releases the followers of a refused leader at once, not one after the other", async () => {
    const answers = gate();
    const { downloads, upstream, digest } = scene(large, (_, who): Script => {
      if (who === "alice") return { status: 404 };
      return who === "follower 7"
        ? { holdHeaders: answers.promise }
        : { status: 404, holdHeaders: answers.promise };
    });
    const leader = downloads.open(askFor(digest, { access: alice }));
    const followers = Array.from({ length: 20 }, (_, index) =>
      pull(
        downloads,
        askFor(digest, {
          access: { kind: "client", authorization: `follower ${index}` },
          isProven: true,
        }),
      ),
    );
    const outcomes = Promise.allSettled(followers);
    await expect(leader).rejects.toMatchObject({ response: { status: 404 } });
    await eventually(() => expect(upstream.seen).toHaveLength(21));
    answers.resolve();
    const settled = await outcomes;
    expect(settled[7]?.status).toBe("fulfilled");
    await downloads.close();
    await eventually(() => expect(upstream.open).toBe(0));
  });

  it("goes on with another reader's access, and ends only the readers of the refused one", async () => {
    const stall = gate();
    const { downloads, upstream, digest } = scene(large, (nth, who): Script => {
      if (nth === 0) return { stallAt: 100 * kib, gate: stall.promise };
      return who === "bob" || who === "carol" ? {} : { status: 401 };
    });
    const first = await downloads.open(askFor(digest, { access: alice }));
    const second = await downloads.open(askFor(digest, { access: bob, isProven: true }));
    const third = await downloads.open(askFor(digest, { access: carol, isProven: true }));
    stall.reject(new UpstreamError("TIMEOUT", "test", "silent for 30 s"));
    await expect(readAll(first.source)).rejects.toMatchObject({ response: { status: 401 } });
    expect((await readAll(second.source)).equals(large)).toBe(true);
    expect((await readAll(third.source)).equals(large)).toBe(true);
    for (const { source } of [first, second, third]) await source.close();
    await downloads.close();
    await eventually(() => expect(upstream.open).toBe(0));
  });
});

describe("wrong bytes", () => {
  for (const at of [0, 350 * kib, 700 * kib - 1]) {
    it(`at ${at} complete at nobody, are not kept, and the next ask fetches afresh`, async () => {
      const { downloads, digest, blobs, upstream, events } = scene(large, (nth) =>
        nth === 0 ? { corruptAt: at } : {},
      );
      const { source } = await downloads.open(askFor(digest));
      const early = await readAll(source, { to: 700 * kib - 64 * kib });
      expect(early).toHaveLength(636 * kib);
      await expect(readAll(source)).rejects.toMatchObject({ code: "WRONG_DIGEST" });
      expect(await blobs.stat(digest)).toBeUndefined();
      expect((await pull(downloads, askFor(digest))).equals(large)).toBe(true);
      expect(upstream.seen).toHaveLength(2);
      await source.close();
      await downloads.close();
      expect(events).toContainEqual({ kind: "blobCorrupted", digest, foundBy: "download" });
    });
  }

  it("never begin an answer when the whole blob is held back", async () => {
    const small = content(1_000);
    const { downloads, digest } = scene(small, () => ({ corruptAt: 5 }));
    await expect(downloads.open(askFor(digest))).rejects.toMatchObject({ code: "WRONG_DIGEST" });
    await downloads.close();
  });

  it("are fetched again by one at a time, also for those who could not share", async () => {
    const stall = gate();
    const { downloads, digest, upstream } = scene(large, (nth) =>
      nth === 0 ? { corruptAt: 5 } : { stallAt: 10, gate: stall.promise },
    );
    await expect(pull(downloads, askFor(digest))).rejects.toMatchObject({ code: "WRONG_DIGEST" });
    const one = pull(downloads, askFor(digest));
    await eventually(() => expect(upstream.seen).toHaveLength(2));
    const two = pull(downloads, askFor(digest, { access: { kind: "none" } }));
    await new Promise(setImmediate);
    expect(upstream.seen).toHaveLength(2);
    stall.resolve();
    expect((await one).equals(large)).toBe(true);
    expect((await two).equals(large)).toBe(true);
    await downloads.close();
  });
});

describe("wrong bytes, then right ones that a disk takes its time to keep", () => {
  it("hold up nobody who could not share them", async () => {
    const stall = gate();
    const script = (nth: number): Script =>
      nth === 0 ? { corruptAt: 5 } : { stallAt: 10, gate: stall.promise };
    const blobs = new FaultyBlobs({ slowCommit: true });
    const { downloads, digest, upstream } = scene(large, script, { blobs });
    await expect(pull(downloads, askFor(digest))).rejects.toMatchObject({ code: "WRONG_DIGEST" });
    const one = pull(downloads, askFor(digest));
    await eventually(() => expect(upstream.seen).toHaveLength(2));
    const two = pull(downloads, askFor(digest, { access: { kind: "none" } }));
    await new Promise(setImmediate);
    stall.resolve();
    const bodies = await Promise.all([one, two]);
    expect(bodies.every((body) => body.equals(large))).toBe(true);
    await downloads.close();
  });
});

describe("length", () => {
  it("may be unknown", async () => {
    const { downloads, digest } = scene(large, () => ({ noLength: true, piece: 10_000 }));
    const { source } = await downloads.open(askFor(digest));
    expect((await readAll(source)).equals(large)).toBe(true);
    expect(source.size).toBe(large.length);
    await source.close();
    await downloads.close();
  });

  it("holds back the last 64 KiB received while it is unknown", async () => {
    const stall = gate();
    const { downloads, digest } = scene(large, () => ({
      noLength: true,
      stallAt: 200 * kib,
      gate: stall.promise,
    }));
    const { source } = await downloads.open(askFor(digest));
    expect(await readAll(source, { to: 136 * kib })).toHaveLength(136 * kib);
    const leaving = new AbortController();
    const more = source.read(Buffer.alloc(1), 136 * kib, leaving.signal);
    leaving.abort();
    await expect(more).rejects.toMatchObject({ code: "ABORTED" });
    stall.resolve();
    await source.close();
    await downloads.close();
  });

  for (const lie of [-1, 1, -100 * kib, 100 * kib]) {
    it(`declared wrong by ${lie} completes at nobody`, async () => {
      const { downloads, digest, blobs, upstream } = scene(large, () => ({ lie }));
      await expect(pull(downloads, askFor(digest))).rejects.toThrow();
      await downloads.close();
      expect(await blobs.stat(digest)).toBeUndefined();
      await eventually(() => expect(upstream.open).toBe(0));
    });
  }

  it("of nothing is a blob too", async () => {
    for (const noLength of [true, false]) {
      const { downloads, digest, blobs } = scene(Buffer.alloc(0), () => ({ noLength }));
      expect(await pull(downloads, askFor(digest))).toHaveLength(0);
      await downloads.close();
      expect(await blobs.stat(digest)).toMatchObject({ size: 0 });
    }
  });
});

describe("clients who leave", () => {
  it("do not stop the download", async () => {
    const stall = gate();
    const { downloads, digest, blobs, upstream, clock } = scene(large, () => ({
      stallAt: 70 * kib,
      gate: stall.promise,
    }));
    const { source } = await downloads.open(askFor(digest));
    await source.close();
    expect(clock.waiting).toBeGreaterThan(0);
    stall.resolve();
    await eventually(async () => expect(await blobs.stat(digest)).toBeDefined());
    expect(upstream.sent).toBe(large.length);
    await downloads.close();
    expect(clock.waiting).toBe(0);
  });

  it("leave at most so many downloads behind", async () => {
    const stall = gate();
    const blobsWanted = Array.from({ length: 4 }, (_, index) => content(100 * kib, `${index}`));
    const scenes = scene(large, () => ({ stallAt: 1, gate: stall.promise }), {
      detached: { count: 2, bytes: 10 * large.length, milliseconds: 600_000 },
    });
    for (let index = 0; index < blobsWanted.length; index += 1) {
      const { digest } = scene(blobsWanted[index] ?? large);
      const { source } = await scenes.downloads.open(askFor(digest));
      await source.close();
    }
    await eventually(() => expect(scenes.upstream.open).toBe(2));
    await scenes.downloads.close();
    await eventually(() => expect(scenes.upstream.open).toBe(0));
  });

  it("leave at most so many bytes behind, and for so long only", async () => {
    for (const bytes of [large.length - 1, large.length]) {
      const stall = gate();
      const { downloads, digest, clock, upstream, blobs } = scene(
        large,
        () => ({ stallAt: 1, gate: stall.promise }),
        { detached: { count: 8, bytes, milliseconds: 600_000 } },
      );
      const { source } = await downloads.open(askFor(digest));
      await source.close();
      if (bytes === large.length) {
        expect(upstream.open).toBe(1);
        clock.pass(600_000);
      }
      await eventually(() => expect(upstream.open).toBe(0));
      await downloads.close();
      expect(await blobs.stat(digest)).toBeUndefined();
    }
  });

  it("may come back to the download they left", async () => {
    const stall = gate();
    const { downloads, digest, clock, upstream } = scene(large, () => ({
      stallAt: 1,
      gate: stall.promise,
    }));
    const { source } = await downloads.open(askFor(digest));
    await source.close();
    const again = await downloads.open(askFor(digest));
    clock.pass(600_000);
    stall.resolve();
    expect((await readAll(again.source)).equals(large)).toBe(true);
    expect(upstream.seen).toHaveLength(1);
    await again.source.close();
    await downloads.close();
  });
});

describe("closing downloads", () => {
  it("ends every read, request, file and timer", async () => {
    const never = gate();
    const { downloads, digest, clock, upstream, blobs } = scene(large, () => ({
      stallAt: 100 * kib,
      gate: never.promise,
    }));
    const { source } = await downloads.open(askFor(digest));
    const reading = readAll(source);
    const waiting = downloads.open(askFor(digest, { from: 500 * kib }));
    const ends = Promise.allSettled([reading, waiting]);
    await downloads.close();
    const abandoned = { status: "rejected", reason: { code: "ABANDONED" } };
    expect(await ends).toMatchObject([abandoned, abandoned]);
    await expect(downloads.open(askFor(digest))).rejects.toMatchObject({ code: "ABANDONED" });
    await eventually(() => expect(upstream.open).toBe(0));
    expect(clock.waiting).toBe(0);
    expect(await blobs.stat(digest)).toBeUndefined();
  });
});
