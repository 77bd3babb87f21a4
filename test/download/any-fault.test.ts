import { setImmediate as turn } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import type { Downloads } from "../../src/download/downloads.ts";
import type { Digest } from "../../src/protocol/digest.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { Chance } from "../cache/support/chance.ts";
import { FaultyBlobs } from "../cache/support/faulty-blobs.ts";
import { askFor, content, readAll, scene } from "../cache/support/pulling.ts";
import type { Script } from "../cache/support/scripted-registry.ts";
import { eventually } from "../support/eventually.ts";
import { onThread } from "../support/running-hash.ts";
import { seeds } from "../support/seeds.ts";

type Plan = {
  readonly size: number;
  readonly scripts: readonly Script[];
  readonly usual: Script;
  readonly hasRanges: boolean;
  readonly isCorrupt: boolean;
  readonly fullAt: number | undefined;
  readonly readers: readonly Visitor[];
};

type Visitor = {
  readonly from: number;
  readonly buffer: number;
  /** Turns of the event loop before it comes, and between its reads. */
  readonly comes: number;
  readonly rests: number;
  readonly leavesAfter: number;
};

function draw(seed: number): Plan {
  const chance = new Chance(seed);
  const size = chance.pick(0, 1, 65_535, 65_536, 65_537, 262_144, chance.between(1, 600_000));
  return planOf(chance, size);
}

/** So large that what passes does not fit into memory. */
function drawLarge(seed: number): Plan {
  const chance = new Chance(seed);
  const plan = planOf(chance, chance.between(2_000_000, 5_000_000));
  return { ...plan, readers: plan.readers.map((reader) => ({ ...reader, buffer: 70_000 })) };
}

function planOf(chance: Chance, size: number): Plan {
  const piece = Math.max(1, Math.floor(size / chance.between(200, 400)));
  const hasRanges = !chance.oneIn(4);
  const usual: Script = { piece, noLength: chance.oneIn(4), ignoreRange: !hasRanges };
  const isCorrupt = chance.oneIn(5);
  const faults = Array.from({ length: chance.between(0, 4) }, () => fault(chance, size, hasRanges));
  if (isCorrupt && size > 0) faults.push({ corruptAt: chance.between(0, size - 1) });
  return {
    size,
    usual,
    scripts: faults.map((script) => ({ ...usual, ...script })),
    hasRanges,
    isCorrupt,
    fullAt: chance.oneIn(6) ? chance.between(0, size) : undefined,
    readers: Array.from({ length: chance.between(1, 8) }, () => visitor(chance, size)),
  };
}

function fault(chance: Chance, size: number, hasRanges: boolean): Script {
  const at = chance.between(0, size);
  const kind = chance.pick("cut", "cut", "end", "stall", "busy", hasRanges ? "cut" : "wrong");
  if (kind === "end") return { endAt: at, noLength: false };
  if (kind === "busy") return { fail: new UpstreamError("CONNECT", "test", "refused") };
  if (kind === "wrong") return { wrongRange: 7, ignoreRange: false };
  if (kind === "cut") return { cutAt: at };
  const gate = Promise.reject(new UpstreamError("TIMEOUT", "test", "silent for 30 s"));
  gate.catch(() => undefined);
  return { stallAt: at, gate };
}

function visitor(chance: Chance, size: number): Visitor {
  return {
    from: chance.pick(0, 0, chance.between(0, size), Math.max(0, size - chance.between(1, 70_000))),
    buffer: chance.between(1_000, 70_000),
    comes: chance.pick(0, 0, chance.between(0, 200)),
    rests: chance.pick(0, 0, chance.between(0, 5)),
    leavesAfter: chance.pick(Number.POSITIVE_INFINITY, chance.between(0, size)),
  };
}

function mayFail(plan: Plan, code: unknown): boolean {
  if (plan.scripts.length === 0) return false;
  // Where nothing ever came it is asked three times more, and then the client is told.
  const forNothing = plan.scripts.filter(({ fail, ...at }) => {
    return fail !== undefined || (at.cutAt ?? at.endAt ?? at.stallAt) === 0;
  });
  if (forNothing.length > 3 && (code === "TIMEOUT" || code === "RESET")) return true;
  // Two refused connections in a row, before anything was received, are the client's to know.
  return code === "CONNECT" || (plan.isCorrupt && code === "WRONG_DIGEST");
}

async function turns(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await turn();
}

type Visited = {
  readonly downloads: Downloads;
  readonly digest: Digest;
  readonly bytes: Buffer;
};

/** Everybody's visit; how those ended that may fail. Throws when another does, or brings wrong bytes. */
async function visitAll(plan: Plan, visited: Visited): Promise<readonly unknown[]> {
  const visits = await Promise.allSettled(
    plan.readers.map((reader) => visit(reader, visited, plan.isCorrupt)),
  );
  const failures = visits.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
  const unexpected = failures.filter(({ code }) => !mayFail(plan, code));
  for (const failure of unexpected) throw failure;
  return failures;
}

async function visit(
  reader: Visitor,
  { downloads, digest, bytes }: Visited,
  isCorrupt: boolean,
): Promise<void> {
  const { from, buffer, leavesAfter } = reader;
  await turns(reader.comes);
  const { source } = await downloads.open(askFor(digest, { from }));
  try {
    const onBytes = () => turns(reader.rests);
    const body = await readAll(source, { from, to: from + leavesAfter, buffer, onBytes });
    const end = Math.min(bytes.length, from + leavesAfter);
    expect(body.length).toBe(Math.max(0, end - from));
    // Who leaves in the middle has no complete body, and nobody knew yet that a byte was wrong.
    const mayBeWrong = isCorrupt && end < bytes.length;
    if (!mayBeWrong) expect(body.equals(bytes.subarray(from, end))).toBe(true);
  } finally {
    await source.close();
  }
}

describe("whatever upstream, disk and readers do", () => {
  const thread = onThread();
  afterAll(() => thread.pass());

  it.each(seeds)(
    "nobody completes a wrong body, and nothing is fetched twice (seed %i)",
    async (seed) => {
      const plan = draw(seed);
      const bytes = content(plan.size, `${seed}`);
      const disk = plan.fullAt === undefined ? {} : { fullAt: plan.fullAt };
      const blobs = new FaultyBlobs(disk);
      const { downloads, digest, upstream, clock } = scene(
        bytes,
        (nth) => plan.scripts[nth] ?? plan.usual,
        // Every third hashes on a thread of its own.
        { blobs, ...(seed % 3 === 0 && { beginHash: thread.beginHash }) },
      );
      const failures = await visitAll(plan, { downloads, digest, bytes });
      if (plan.hasRanges && !plan.isCorrupt && plan.fullAt === undefined && failures.length === 0) {
        expect(upstream.sent).toBeLessThanOrEqual(Math.ceil(plan.size * 1.05));
        await eventually(async () =>
          expect(await blobs.stat(digest)).toEqual({ size: plan.size, isVerified: true }),
        );
      }
      await downloads.close();
      expect(blobs.drafts).toBe(0);
      expect(clock.waiting).toBe(0);
      await eventually(() => expect(upstream.open).toBe(0));
      if (seed % 3 === 0) await eventually(() => expect(thread.isUnused()).toBe(true));
    },
  );

  it.each(seeds.slice(0, Math.ceil(seeds.length / 3)))(
    "with a disk that is left alone nobody costs more than his own request (seed %i)",
    async (seed) => {
      const plan = drawLarge(seed);
      const bytes = content(plan.size, `${seed}`);
      const blobs = new FaultyBlobs();
      blobs.create = () => Promise.reject(new StoreError("PAUSED", "for a while"));
      const { downloads, digest, upstream, clock, events } = scene(
        bytes,
        (nth) => plan.scripts[nth] ?? plan.usual,
        { blobs, isPaused: () => true },
      );
      await visitAll(plan, { downloads, digest, bytes });
      await downloads.close();
      const resumed = events.filter(({ kind }) => kind === "downloadResumed").length;
      expect(upstream.seen.length).toBeLessThanOrEqual(
        plan.readers.length + resumed + plan.scripts.length,
      );
      expect(events.filter(({ kind }) => kind === "diskFailed")).toEqual([]);
      expect(await blobs.stat(digest)).toBeUndefined();
      expect(clock.waiting).toBe(0);
      await eventually(() => expect(upstream.open).toBe(0));
    },
  );
});
