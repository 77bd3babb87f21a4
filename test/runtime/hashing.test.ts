import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import type { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { startThread } from "../../src/runtime/carried.ts";
import { Hashing, type RunningHash, sharedBytes } from "../../src/runtime/hashing.ts";
import { SteppedClock } from "../support/stepped-clock.ts";

const long = 8 * 1024 * 1024;
const file = new URL("../../src/runtime/hash-thread.ts", import.meta.url);

function scene(start = (): Worker => startThread(file)) {
  const clock = new SteppedClock();
  const threads: Worker[] = [];
  const hashing = new Hashing(clock.after, () => {
    const thread = start();
    threads.push(thread);
    return thread;
  });
  return { clock, hashing, threads };
}

async function fed(hash: RunningHash, ...pieces: readonly Uint8Array[]): Promise<RunningHash> {
  let last = hash;
  for (const piece of pieces) {
    const next = await last.after(piece);
    last.release();
    last = next;
  }
  return last;
}

async function hex(hash: RunningHash): Promise<string> {
  return (await hash.digest()).toString("hex");
}

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

it("a long stream is hashed on a thread, whether its pieces are shared or not, and a short one here", async () => {
  const { hashing, threads } = scene();
  const short = await fed(hashing.begin("sha256", long - 1), Buffer.from("short"));
  expect([await hex(short), threads.length]).toEqual([sha("short"), 0]);
  const unknown = await fed(hashing.begin("sha256", undefined), Buffer.from("unknown"));
  expect([await hex(unknown), threads.length]).toEqual([sha("unknown"), 0]);
  const shared = sharedBytes(4);
  shared.write("long");
  const own = Buffer.from(" own, cut from what Node keeps for many");
  const hash = await fed(hashing.begin("sha256", long), shared, own.subarray(0, 4));
  expect([await hex(hash), threads.length]).toEqual([sha("long own"), 1]);
  expect(own.toString()).toBe(" own, cut from what Node keeps for many");
  const sha512 = await fed(hashing.begin("sha512", long), shared);
  expect(await hex(sha512)).toBe(createHash("sha512").update("long").digest("hex"));
  expect(threads.length).toBe(1);
});

it("a hash never changes, and a copy is no worse off for the other's release", async () => {
  const { clock, hashing } = scene();
  const first = await fed(hashing.begin("sha256", long), Buffer.from("a"));
  const [left, right] = await Promise.all([
    first.after(Buffer.from("b")),
    first.after(Buffer.from("c")),
  ]);
  const copy = first.copy();
  first.release();
  first.release();
  expect(await Promise.all([left, right, copy].map(hex))).toEqual(["ab", "ac", "a"].map(sha));
  await expect(first.digest()).rejects.toThrow("released");
  await expect(first.after(Buffer.from("d"))).rejects.toThrow("released");
  const last = await copy.after(Buffer.from("d"));
  expect(await hex(last)).toBe(sha("ad"));
  // What failed holds the thread no longer than what did not.
  for (const hash of [left, right, copy, last]) hash.release();
  expect(clock.waiting).toBe(1);
});

it("the thread ends a minute after the last long stream, and another takes its place", async () => {
  const { clock, hashing, threads } = scene();
  const first = await fed(hashing.begin("sha256", long), Buffer.from("a"));
  const copy = first.copy();
  first.release();
  expect(clock.waiting).toBe(0);
  copy.release();
  clock.pass(59_999);
  const second = await fed(hashing.begin("sha256", long), Buffer.from("b"));
  expect([await hex(second), threads.length]).toEqual([sha("b"), 1]);
  clock.pass(120_000);
  second.release();
  const ended = new Promise((resolve) => threads[0]?.once("exit", resolve));
  clock.pass(60_000);
  await ended;
  const third = await fed(hashing.begin("sha256", long), Buffer.from("c"));
  expect([await hex(third), threads.length]).toEqual([sha("c"), 2]);
});

it("where the system gives no thread, or one that ends at once, everything is hashed here", async () => {
  for (const start of [
    (): Worker => {
      throw new Error("EAGAIN");
    },
    (): Worker => startThread(new URL("data:text/javascript,throw new Error('no memory')")),
  ]) {
    const { hashing, threads } = scene(start);
    const hash = await fed(hashing.begin("sha256", long), Buffer.from("a"), Buffer.from("b"));
    expect(await hex(hash)).toBe(sha("ab"));
    const next = await fed(hashing.begin("sha256", long), Buffer.from("c"));
    expect([await hex(next), threads.length <= 1]).toEqual([sha("c"), true]);
  }
});

it("a thread that dies later fails who used it, and nobody after them", async () => {
  const { hashing, threads } = scene();
  const hash = await fed(hashing.begin("sha256", long), Buffer.from("a"));
  await threads[0]?.terminate();
  await expect(hash.after(Buffer.from("b"))).rejects.toThrow("the thread that hashes has ended");
  const next = await fed(hashing.begin("sha256", long), Buffer.from("c"));
  expect([await hex(next), threads.length]).toEqual([sha("c"), 1]);
});

/** The niceness of each of this process's threads (proc(5), field 19 of stat). */
async function nicenesses(): Promise<number[]> {
  const threads = await readdir("/proc/self/task");
  const stats = await Promise.all(
    threads.map((id) => readFile(`/proc/self/task/${id}/stat`, "utf8").catch(() => "")),
  );
  return stats.map((stat) => Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]));
}

it.runIf(process.platform === "linux")(
  "the thread makes way for all others, and alone",
  async () => {
    const { hashing } = scene();
    const before = await nicenesses();
    const hash = await fed(hashing.begin("sha256", long), Buffer.from("bytes"));
    const usual = Math.min(...before);
    const count = (all: readonly number[]): number => all.filter((one) => one === usual + 5).length;
    expect(count(await nicenesses())).toBe(count(before) + 1);
    hash.release();
  },
);
