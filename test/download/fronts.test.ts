import { setImmediate as turn } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { isDownloadError } from "../../src/download/download-error.ts";
import type { Downloads } from "../../src/download/downloads.ts";
import type { Digest } from "../../src/protocol/digest.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { Chance } from "../cache/support/chance.ts";
import { FaultyBlobs } from "../cache/support/faulty-blobs.ts";
import { askFor, content, pull, registry, scene } from "../cache/support/pulling.ts";
import type { Script, ScriptedRegistry } from "../cache/support/scripted-registry.ts";
import { eventually } from "../support/eventually.ts";
import { onThread } from "../support/running-hash.ts";
import { seeds } from "../support/seeds.ts";

const mib = 1024 * 1024;
const large = content(8 * mib);
const half = content(2 * mib);

const rangesOf = (upstream: ScriptedRegistry) =>
  upstream.seen.map(({ request }) => request.headers.get("range")?.[0] ?? "all");

/** What a client gets that asks for these bytes alone. */
function part(downloads: Downloads, digest: Digest, from: number, to: number): Promise<Buffer> {
  return pull(downloads, askFor(digest, { from, to }), { to });
}

describe("ranges of a cold blob", () => {
  it("cost each byte once, however many clients ask for them side by side", async () => {
    const { downloads, upstream, digest, blobs } = scene(large);
    const each = large.length / 16;
    const clients = Array.from({ length: 6 }, () =>
      Array.from({ length: 16 }, async (_, index) => {
        const bytes = await part(downloads, digest, index * each, (index + 1) * each);
        expect(bytes.equals(large.subarray(index * each, (index + 1) * each))).toBe(true);
      }),
    );
    await Promise.all(clients.flat());
    await eventually(async () => expect(await blobs.stat(digest)).toBeDefined());
    expect(upstream.sent).toBe(large.length);
    expect(upstream.seen.length).toBeLessThanOrEqual(17);
    await downloads.close();
  });

  it("beside a client that wants all of it cost no byte twice but what was on its way", async () => {
    const { downloads, upstream, digest, blobs } = scene(large, () => ({ piece: 16 * 1024 }));
    const whole = pull(downloads, askFor(digest));
    await Promise.all(
      [3, 5, 7].map(async (at) => {
        const bytes = await part(downloads, digest, at * mib, at * mib + 1_000);
        expect(bytes.equals(large.subarray(at * mib, at * mib + 1_000))).toBe(true);
      }),
    );
    expect((await whole).equals(large)).toBe(true);
    expect(upstream.sent).toBeLessThanOrEqual(large.length * 1.01);
    await downloads.close();
    expect(await blobs.stat(digest)).toMatchObject({ size: large.length });
  });

  it("do not wait for a front below that has stopped", async () => {
    const gate = Promise.withResolvers<void>();
    const stall = { stallAt: mib, gate: gate.promise };
    const stage = scene(large, (nth) => (nth === 0 ? stall : {}));
    const { downloads, upstream, digest, clock } = stage;
    const whole = pull(downloads, askFor(digest));
    await eventually(() => expect(downloads.running(digest)?.written).toBe(mib));
    clock.time += 2_000;
    const bytes = await part(downloads, digest, 2 * mib, 2 * mib + 10);
    expect(bytes.equals(large.subarray(2 * mib, 2 * mib + 10))).toBe(true);
    gate.resolve();
    expect((await whole).equals(large)).toBe(true);
    expect(rangesOf(upstream).slice(0, 2)).toEqual(["all", `bytes=${2 * mib}-${2 * mib + 9}`]);
    expect(upstream.sent).toBeLessThanOrEqual(large.length * 1.05);
    await downloads.close();
  });

  it("wait for the front below when that is about to arrive", async () => {
    const gate = Promise.withResolvers<void>();
    const stage = scene(large, () => ({ stallAt: mib, gate: gate.promise }));
    const { downloads, upstream, digest } = stage;
    const whole = pull(downloads, askFor(digest));
    await eventually(() => expect(downloads.running(digest)?.written).toBe(mib));
    const bytes = part(downloads, digest, mib + 100_000, mib + 100_010);
    for (let turns = 0; turns < 20; turns += 1) await turn();
    gate.resolve();
    expect((await bytes).equals(large.subarray(mib + 100_000, mib + 100_010))).toBe(true);
    await whole;
    expect(rangesOf(upstream)).toEqual(["all"]);
    await downloads.close();
  });

  it("are given before anybody knows whether the whole is right, the last bytes first", async () => {
    const { downloads, digest, upstream } = scene(large);
    const from = large.length - 1_000;
    const bytes = await part(downloads, digest, from, large.length);
    expect(bytes.equals(large.subarray(from))).toBe(true);
    expect(upstream.sent).toBe(1_000);
    await downloads.close();
  });

  it("are fetched as the whole from a registry that sends no parts, which is asked for none again", async () => {
    const { downloads, digest, upstream } = scene(large, () => ({ ignoreRange: true }));
    const bytes = await part(downloads, digest, 4 * mib, 4 * mib + 10);
    expect(bytes.equals(large.subarray(4 * mib, 4 * mib + 10))).toBe(true);
    expect(rangesOf(upstream)).toEqual([`bytes=${4 * mib}-${4 * mib + 9}`, "all"]);
    await eventually(() => expect(downloads.running(digest)).toBeUndefined());
    await eventually(() => expect([...downloads.underway()]).toEqual([]));
    await downloads.close();
  });

  it("are given up with the download, and their hosts are not said to have failed as another did", async () => {
    const gate = Promise.withResolvers<void>();
    const refused = new UpstreamError("CONNECT", "storage.example", "refused");
    const { downloads, digest, upstream, clock } = scene(large, (nth) => {
      if (nth === 0) return { stallAt: mib, gate: gate.promise };
      return nth === 1 ? { holdHeaders: new Promise(() => undefined) } : { fail: refused };
    });
    const whole = pull(downloads, askFor(digest)).catch((error: unknown) => error);
    await eventually(() => expect(downloads.running(digest)?.written).toBe(mib));
    clock.time += 2_000;
    const bytes = part(downloads, digest, 4 * mib, 4 * mib + 10).catch((error: unknown) => error);
    await eventually(() => expect(upstream.seen).toHaveLength(2));
    gate.reject(refused);
    await eventually(() => {
      clock.pass(5_000);
      expect(upstream.seen[1]?.request.signal.aborted).toBe(true);
    });
    expect(upstream.seen[1]?.request.signal.reason).not.toBeInstanceOf(UpstreamError);
    expect(await Promise.all([whole, bytes])).toEqual([refused, refused]);
    await downloads.close();
  });

  it("come one after the other where the registry does not let us in twice at once", async () => {
    const gate = Promise.withResolvers<void>();
    const { downloads, digest, upstream, clock } = scene(large, (nth) => {
      if (nth === 0) return { stallAt: mib, gate: gate.promise };
      return { fail: new UpstreamError("CONNECT", "test", "refused") };
    });
    const whole = pull(downloads, askFor(digest));
    await eventually(() => expect(downloads.running(digest)?.written).toBe(mib));
    clock.time += 2_000;
    const bytes = part(downloads, digest, 4 * mib, 4 * mib + 10);
    await eventually(() => {
      clock.pass(5_000);
      expect(upstream.seen).toHaveLength(7);
      expect(upstream.open).toBe(1);
    });
    gate.resolve();
    expect((await bytes).equals(large.subarray(4 * mib, 4 * mib + 10))).toBe(true);
    expect((await whole).equals(large)).toBe(true);
    await downloads.close();
  });

  it("say where the blob ends to who asks for bytes beyond it", async () => {
    const { downloads, digest, upstream } = scene(half);
    const { source } = await downloads.open(askFor(digest, { from: 5 * mib, to: 6 * mib }));
    expect(source.size).toBe(half.length);
    await source.close();
    expect(upstream.sent).toBe(0);
    await downloads.close();
  });

  it("that nobody reads any more are taken up by who wants the rest", async () => {
    const none = { count: 0, bytes: 0, milliseconds: 0 };
    const stage = scene(large, undefined, { detached: none });
    const { downloads, digest, upstream, blobs, events, clock } = stage;
    await part(downloads, digest, 2 * mib, 3 * mib + 500_000);
    await eventually(() => expect(clock.waiting).toBeGreaterThan(0));
    clock.pass(60_000);
    await eventually(() => expect(blobs.aside).toBe(mib + 500_000));
    expect(events.map(({ kind }) => kind)).toEqual(["downloadStarted", "downloadSetAside"]);
    expect((await pull(downloads, askFor(digest))).equals(large)).toBe(true);
    expect(upstream.sent).toBe(large.length);
    await downloads.close();
    expect(await blobs.stat(digest)).toMatchObject({ size: large.length });
  });

  it("are answered from what an earlier download left once the registry lets their client in", async () => {
    const stage = scene(large, (nth) => (nth === 1 ? { status: 403 } : {}));
    const { downloads, digest, upstream, blobs, clock } = stage;
    await part(downloads, digest, 2 * mib, 4 * mib);
    await eventually(() => expect(clock.waiting).toBeGreaterThan(0));
    clock.pass(60_000);
    await eventually(() => expect(blobs.aside).toBe(2 * mib));
    await expect(part(downloads, digest, 2 * mib, 3 * mib)).rejects.toMatchObject({
      response: { status: 403 },
    });
    await eventually(() => expect(blobs.aside).toBe(2 * mib));
    const bytes = await part(downloads, digest, 2 * mib, 3 * mib);
    expect(bytes.equals(large.subarray(2 * mib, 3 * mib))).toBe(true);
    expect(upstream.sent).toBe(2 * mib + 1);
    await downloads.close();
  });

  it("go on alone when the disk is full, each with what it still lacks", async () => {
    const blobs = new FaultyBlobs({ fullAt: 5 * mib });
    const { downloads, digest, upstream } = scene(large, undefined, { blobs });
    const all = await Promise.all(
      [1, 3, 4.5, 6].map((at) => part(downloads, digest, at * mib, (at + 1) * mib)),
    );
    for (const [index, at] of [1, 3, 4.5, 6].entries())
      expect(all[index]?.equals(large.subarray(at * mib, (at + 1) * mib))).toBe(true);
    await downloads.close();
    expect(blobs.drafts).toBe(0);
    await eventually(() => expect(upstream.open).toBe(0));
  });

  it("go on alone when the disk is full, though the registry sends no parts", async () => {
    const blobs = new FaultyBlobs({ fullAt: 5 * mib });
    const { downloads, digest, upstream } = scene(large, () => ({ ignoreRange: true }), { blobs });
    const asks = [1, 4.5, 6].map((at) => at * mib);
    const all = await Promise.all(asks.map((at) => part(downloads, digest, at, at + mib)));
    for (const [index, at] of asks.entries())
      expect(all[index]?.equals(large.subarray(at, at + mib))).toBe(true);
    await downloads.close();
    await eventually(() => expect(upstream.open).toBe(0));
  });

  it("that somebody reads in crumbs leave who wants all of it no request for each crumb", async () => {
    const { downloads, upstream, digest } = scene(large);
    for (let at = 1_000; at < 3 * mib; at += 10_000)
      expect((await part(downloads, digest, at, at + 1)).equals(large.subarray(at, at + 1))).toBe(
        true,
      );
    const before = upstream.seen.length;
    expect((await pull(downloads, askFor(digest))).equals(large)).toBe(true);
    expect(upstream.seen.length - before).toBeLessThanOrEqual(8);
    const middle = scene(large);
    for (let at = 1_000; at < 3 * mib; at += 10_000)
      await part(middle.downloads, middle.digest, at, at + 1);
    const asked = middle.upstream.seen.length;
    const bytes = await part(middle.downloads, middle.digest, 500, 2 * mib);
    expect(bytes.equals(large.subarray(500, 2 * mib))).toBe(true);
    expect(middle.upstream.seen.length - asked).toBeLessThanOrEqual(2);
    for (const one of [downloads, middle.downloads]) await one.close();
  });

  it("with a wrong byte leave nothing behind once the whole is known to be wrong", async () => {
    const { downloads, digest, blobs, events } = scene(half, () => ({ corruptAt: mib + 5 }));
    const bytes = await part(downloads, digest, mib, mib + 1_000);
    expect(bytes.equals(half.subarray(mib, mib + 1_000))).toBe(false);
    await expect(pull(downloads, askFor(digest))).rejects.toMatchObject({ code: "WRONG_DIGEST" });
    await downloads.close();
    expect([await blobs.stat(digest), blobs.aside]).toEqual([undefined, 0]);
    expect(events.at(-1)).toMatchObject({ kind: "downloadFailed" });
  });

  it("of which there are more than an origin has places for are all served", async () => {
    const { downloads, digest, upstream } = scene(large, () => ({ piece: 1_000_000 }));
    const each = 128 * 1024;
    const asks = Array.from({ length: 64 }, (_, index) =>
      part(downloads, digest, index * each, (index + 1) * each),
    );
    const bodies = await Promise.all(asks);
    for (const [index, body] of bodies.entries())
      expect(body.equals(large.subarray(index * each, (index + 1) * each))).toBe(true);
    expect(upstream.sent).toBeLessThanOrEqual(large.length * 1.05);
    await downloads.close();
  });
});

type Visitor = {
  readonly from: number;
  readonly to: number | undefined;
  /** Turns of the event loop before it comes. */
  readonly comes: number;
  /** So many bytes and it leaves. */
  readonly leavesAfter: number;
};

type Plan = {
  readonly size: number;
  readonly usual: Script;
  readonly hasRanges: boolean;
  readonly faults: readonly Script[];
  readonly fullAt: number | undefined;
  readonly visitors: readonly Visitor[];
};

function planOf(seed: number): Plan {
  const chance = new Chance(seed * 7_919);
  const size = chance.between(200_000, 3_000_000);
  const hasRanges = !chance.oneIn(8);
  const piece = Math.ceil(size / chance.between(100, 300));
  const usual = { piece, ignoreRange: !hasRanges };
  const fullAt = chance.oneIn(8) ? chance.between(0, size) : undefined;
  const faultAt = (): Script => {
    const at = chance.between(0, size);
    const fail = new UpstreamError("RESET", "test", "reset");
    const gate = Promise.reject(new UpstreamError("TIMEOUT", "test", "silent for 30 s"));
    gate.catch(() => undefined);
    const stall = { stallAt: at, gate };
    const breaks = chance.pick<Script>({ cutAt: at }, { endAt: at }, stall);
    // Who sends no parts is asked for the first time twice, and with a full disk for each client anew.
    const isAskedOnce = hasRanges && fullAt === undefined;
    return isAskedOnce ? chance.pick<Script>(breaks, { fail }, { status: 503 }) : breaks;
  };
  const visitor = (): Visitor => {
    const from = chance.pick(0, chance.between(1, size - 1), chance.between(1, size - 1));
    const to = Math.min(size, from + chance.between(1, chance.pick(1_000, 100_000, size)));
    return {
      from,
      to: chance.oneIn(5) ? undefined : to,
      comes: chance.between(0, 300),
      leavesAfter: chance.oneIn(4) ? chance.between(0, size) : Number.POSITIVE_INFINITY,
    };
  };
  return {
    size,
    usual,
    hasRanges,
    // The very first request is not repeated: what becomes of it is the client's to know.
    faults: Array.from({ length: chance.between(0, 6) }, faultAt),
    fullAt,
    visitors: Array.from({ length: chance.between(2, 24) }, visitor),
  };
}

type Visited = {
  readonly downloads: Downloads;
  readonly digest: Digest;
  readonly bytes: Buffer;
};

async function visit(visitor: Visitor, { downloads, digest, bytes }: Visited): Promise<void> {
  const { from, to, comes, leavesAfter } = visitor;
  for (let turns = 0; turns < comes; turns += 1) await turn();
  const end = Math.min(to ?? bytes.length, from + leavesAfter);
  const body = await pull(downloads, askFor(digest, { from, to }), { to: end });
  expect(body.equals(bytes.subarray(from, end))).toBe(true);
}

/** On a full disk nobody can tell whether what was sent from the middle on was right. */
function mayFail({ fullAt, visitors }: Plan, error: unknown): boolean {
  const hasOpen = visitors.some(({ from, to }) => from > 0 && to === undefined);
  return fullAt !== undefined && hasOpen && isDownloadError(error, "DISK");
}

function expectNothingTwice(plan: Plan, sent: number, written: number): void {
  if (plan.fullAt !== undefined || !plan.hasRanges) return;
  const twice = plan.size / 20 + 20 * (plan.usual.piece ?? 0);
  expect(sent).toBeLessThanOrEqual(plan.size + twice);
  expect(written).toBeLessThanOrEqual(plan.size);
}

describe("whatever ranges are asked for, and whatever upstream and disk do", () => {
  const thread = onThread();
  afterAll(() => thread.pass());

  it.each(seeds)("every byte is right, and none is fetched for nothing (seed %i)", async (seed) => {
    const plan = planOf(seed);
    const bytes = content(plan.size, `${seed}`);
    const blobs = new FaultyBlobs(plan.fullAt === undefined ? {} : { fullAt: plan.fullAt });
    const { downloads, digest, upstream, clock } = scene(
      bytes,
      (nth) => ({ ...plan.usual, ...(nth > 0 ? plan.faults[nth - 1] : {}) }),
      // Every third hashes on a thread of its own.
      { blobs, ...(seed % 3 === 0 && { beginHash: thread.beginHash }) },
    );
    const visits = plan.visitors.map((visitor) => visit(visitor, { downloads, digest, bytes }));
    for (const end of await Promise.allSettled(visits))
      if (end.status === "rejected" && !mayFail(plan, end.reason)) throw end.reason;
    expectNothingTwice(plan, upstream.sent, blobs.given);
    await downloads.close();
    expect(blobs.drafts).toBe(0);
    expect(clock.waiting).toBe(0);
    await eventually(() => expect(upstream.open).toBe(0));
    if (seed % 3 === 0) await eventually(() => expect(thread.isUnused()).toBe(true));
  });
});

it("a download of another registry is not told what this one cannot do", async () => {
  const { downloads, digest, upstream } = scene(half, (nth) => ({ ignoreRange: nth < 2 }));
  await part(downloads, digest, mib, mib + 10);
  const other = askFor(digest, { registry: registry("other.example"), from: mib, to: mib + 10 });
  await pull(downloads, other, { to: mib + 10 });
  expect(rangesOf(upstream).at(-1)).toBe(`bytes=${mib}-${mib + 9}`);
  await downloads.close();
});
