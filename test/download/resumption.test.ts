import { describe, expect, it } from "vitest";
import { DownloadError, leavesBytesGood } from "../../src/download/download-error.ts";
import { Downloads } from "../../src/download/downloads.ts";
import { resumptionId } from "../../src/download/sources.ts";
import type { RegistryRequest } from "../../src/upstream/registry-client.ts";
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
import { noBooks } from "../support/no-books.ts";

const mib = 1024 * 1024;
const large = content(3 * mib);
const none = { count: 0, bytes: 0, milliseconds: 0 };

const ranges = (seen: readonly { readonly request: RegistryRequest }[]) =>
  seen.map(({ request }) => request.headers.get("range")?.[0]);

/** A download whose one client leaves when `left` bytes are there; then another may be opened. */
async function brokenOff(left: number, next: Script = {}, options = {}) {
  const never = new Promise(() => undefined);
  const stage = scene(large, (nth) => (nth === 0 ? { stallAt: left, gate: never } : next), {
    detached: none,
    ...options,
  });
  const { source } = await stage.downloads.open(askFor(stage.digest));
  await eventually(() => stage.downloads.running(stage.digest)?.written === left);
  await source.close();
  await eventually(() => stage.downloads.running(stage.digest) === undefined);
  return stage;
}

describe("a download that was broken off", () => {
  it("is taken up where it stopped by the next", async () => {
    const { downloads, upstream, digest, blobs, events } = await brokenOff(2 * mib);
    await eventually(() => blobs.aside === 2 * mib);
    expect((await pull(downloads, askFor(digest))).equals(large)).toBe(true);
    expect(ranges(upstream.seen)).toEqual([undefined, `bytes=${2 * mib}-`]);
    expect(upstream.sent).toBe(large.length);
    await downloads.close();
    expect(await blobs.stat(digest)).toMatchObject({ size: large.length });
    expect([blobs.aside, events.at(-1)]).toMatchObject([
      0,
      { kind: "blobStored", isPatchwork: false },
    ]);
  });

  it("gives its bytes at once, while the upstream takes its time", async () => {
    const gate = Promise.withResolvers<void>();
    const stall = { stallAt: 2 * mib + 1, gate: gate.promise };
    const { downloads, digest } = await brokenOff(2 * mib, stall);
    const { source } = await downloads.open(askFor(digest));
    const part = await readAll(source, { to: mib });
    expect(part.equals(large.subarray(0, mib))).toBe(true);
    gate.resolve();
    expect((await readAll(source)).equals(large)).toBe(true);
    await source.close();
    await downloads.close();
  });

  it("is taken up after the program was stopped in the middle", async () => {
    const never = new Promise(() => undefined);
    const stage = scene(large, (nth) => (nth === 0 ? { stallAt: 2 * mib, gate: never } : {}));
    const { source } = await stage.downloads.open(askFor(stage.digest));
    await eventually(() => stage.downloads.running(stage.digest)?.written === 2 * mib);
    await stage.downloads.close();
    await source.close();
    const { upstream: client, blobs, clock } = stage;
    const next = new Downloads({ client, blobs, books: noBooks, observe: () => undefined, clock });
    expect((await pull(next, askFor(stage.digest))).equals(large)).toBe(true);
    expect(client.sent).toBe(large.length);
    await next.close();
  });

  it("is taken up after its upstream was gone for longer than anybody waits", async () => {
    const gone = { fail: new UpstreamError("CONNECT", "test", "refused") };
    const stage = scene(large, (nth) => {
      if (nth === 0) return { cutAt: 2 * mib };
      return nth <= 5 ? gone : {};
    });
    const failing = pull(stage.downloads, askFor(stage.digest));
    failing.catch(() => undefined);
    const isOver = failing.then(
      () => true,
      () => true,
    );
    let isDone = false;
    void isOver.then(() => {
      isDone = true;
    });
    await eventually(() => {
      stage.clock.pass(5_000);
      return isDone;
    });
    await expect(failing).rejects.toMatchObject({ code: "CONNECT" });
    await eventually(() => stage.blobs.aside === 2 * mib);
    expect((await pull(stage.downloads, askFor(stage.digest))).equals(large)).toBe(true);
    expect(stage.upstream.sent).toBe(large.length);
    await stage.downloads.close();
  });

  it("waits on when the upstream refuses whoever comes next", async () => {
    const { downloads, digest, blobs } = await brokenOff(2 * mib);
    await eventually(() => blobs.aside === 2 * mib);
    const refused = scene(large, () => ({ status: 403 }), { blobs });
    await expect(pull(refused.downloads, askFor(digest))).rejects.toMatchObject({
      response: { status: 403 },
    });
    await eventually(() => blobs.aside === 2 * mib);
    expect((await pull(downloads, askFor(digest))).equals(large)).toBe(true);
    await downloads.close();
    await refused.downloads.close();
  });

  it.each([
    ["another repository", { repository: repository("evil/app") }],
    ["another registry", { registry: registry("evil.example") }],
  ])("is nothing for %s, whose registry must bring its own bytes", async (_, change) => {
    const { downloads, upstream, digest } = await brokenOff(2 * mib);
    expect((await pull(downloads, askFor(digest, change))).equals(large)).toBe(true);
    expect(ranges(upstream.seen)).toEqual([undefined, undefined]);
    await downloads.close();
  });

  it("is begun again when its registry makes nothing of ranges", async () => {
    const { downloads, upstream, digest } = await brokenOff(2 * mib, { ignoreRange: true });
    expect((await pull(downloads, askFor(digest))).equals(large)).toBe(true);
    expect(upstream.seen).toHaveLength(2);
    await downloads.close();
  });

  it("is forgotten when wrong bytes were in it, and the next one begins afresh", async () => {
    const never = new Promise(() => undefined);
    const { downloads, upstream, digest, blobs } = scene(
      large,
      (nth) => (nth === 0 ? { corruptAt: 5, stallAt: 2 * mib, gate: never } : {}),
      { detached: none },
    );
    const { source } = await downloads.open(askFor(digest));
    await eventually(() => downloads.running(digest)?.written === 2 * mib);
    await source.close();
    await eventually(() => blobs.aside === 2 * mib);
    await expect(pull(downloads, askFor(digest))).rejects.toMatchObject({ code: "WRONG_DIGEST" });
    expect(blobs.aside).toBe(0);
    expect((await pull(downloads, askFor(digest))).equals(large)).toBe(true);
    expect(ranges(upstream.seen)).toEqual([undefined, `bytes=${2 * mib}-`, undefined]);
    await downloads.close();
  });

  it("is forgotten when it is longer than the blob turns out to be", async () => {
    const short = large.subarray(0, 2 * mib);
    const stage = scene(
      short,
      (nth) =>
        nth === 0
          ? { extra: mib, lie: mib, stallAt: 2 * mib + mib / 2, gate: new Promise(() => undefined) }
          : {},
      { detached: none },
    );
    const { source } = await stage.downloads.open(askFor(stage.digest));
    await eventually(() => stage.downloads.running(stage.digest)?.written === 2.5 * mib);
    await source.close();
    await eventually(() => stage.blobs.aside === 2.5 * mib);
    const failing = pull(stage.downloads, askFor(stage.digest)).then(
      () => "served",
      () => "failed",
    );
    let outcome: string | undefined;
    void failing.then((how) => {
      outcome = how;
    });
    await eventually(() => {
      stage.clock.pass(5_000);
      return outcome !== undefined;
    });
    await eventually(() => stage.blobs.aside === 0);
    expect((await pull(stage.downloads, askFor(stage.digest))).equals(short)).toBe(true);
    await stage.downloads.close();
  });

  it("leaves nothing when it has less than a mebibyte, or the disk has failed", async () => {
    const { blobs, downloads } = await brokenOff(mib - 1);
    await downloads.close();
    expect(blobs.aside).toBe(0);
    const full = new FaultyBlobs({ fullAt: 2 * mib });
    const stage = scene(large, undefined, { blobs: full });
    expect((await pull(stage.downloads, askFor(stage.digest))).equals(large)).toBe(true);
    await stage.downloads.close();
    expect([full.aside, full.drafts]).toEqual([0, 0]);
  });

  it("goes on by itself where what was left cannot be read back", async () => {
    const blobs = new FaultyBlobs();
    const { downloads, digest } = await brokenOff(2 * mib, {}, { blobs });
    await eventually(() => blobs.aside === 2 * mib);
    blobs.trouble = { unreadableAfter: 2 };
    expect((await pull(downloads, askFor(digest))).equals(large)).toBe(true);
    await downloads.close();
    expect(blobs.drafts).toBe(0);
  });
});

describe("what a failure says about the bytes before it", () => {
  it.each([
    [new DownloadError("ABANDONED", "nobody waits"), true],
    [new UpstreamError("RESET", "test", "cut"), true],
    [new UpstreamError("PROTOCOL", "test", "another size"), false],
    [new UpstreamError("TOO_LARGE", "test", "too large"), false],
    [new DownloadError("WRONG_DIGEST", "wrong"), false],
    [new DownloadError("DISK", "full"), false],
    [new Error("a bug"), false],
    ["complete", false],
  ])("%s: %s", (failure, isGood) => {
    expect(leavesBytesGood(failure)).toBe(isGood);
  });
});

it("whoever asks, the id is the repository's and the digest's", () => {
  const { digest } = scene(large);
  const id = resumptionId(askFor(digest));
  expect(resumptionId(askFor(digest, { access: { kind: "shared" } }))).toBe(id);
  for (const change of [
    { repository: repository("other/app") },
    { registry: registry("other.example") },
    { registry: { ...registry(), scheme: "http" as const } },
  ])
    expect(resumptionId(askFor(digest, change))).not.toBe(id);
});
