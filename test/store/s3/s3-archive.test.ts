import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/protocol/digest.ts";
import { archiveContract, read, toArchive } from "../../contracts/archive.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeS3, type S3Operation } from "../../support/fake-s3.ts";
import { type AtServer, openedArchive } from "./opened-archive.ts";

let s3: FakeS3;
const closing: (() => Promise<void>)[] = [];
const never = new AbortController().signal;
const large = 150 * 1024 * 1024;

async function fresh(how: Partial<AtServer> = {}) {
  s3.objects.clear();
  s3.uploads.clear();
  s3.calls.length = 0;
  s3.misbehave = () => undefined;
  const { archive, close } = await openedArchive({ endpoint: s3.url, ...how });
  closing.push(close);
  return archive;
}

/** Misbehaves the first so many times that this is asked. */
function first(times: number, operation: S3Operation, how: ReturnType<FakeS3["misbehave"]>) {
  let left = times;
  s3.misbehave = (asked) => (asked === operation && left-- > 0 ? how : undefined);
}

beforeAll(async () => {
  s3 = await FakeS3.start();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => s3.stop());

archiveContract("S3", () => fresh());

describe("an archive in S3", () => {
  it("sends a part that was cut off once more, and no other", async () => {
    const archive = await fresh();
    const bytes = randomBytes(large);
    first(1, "part", { kind: "cut", after: 1_000_000 });
    const blob = toArchive(bytes);
    await archive.put(blob, never);
    expect(s3.count("part")).toBe(4);
    const got = await read(await archive.open(blob.digest, { start: 0 }, never));
    expect(got.bytes.equals(bytes)).toBe(true);
  });

  it("aborts an upload of which a part is refused again and again", async () => {
    const archive = await fresh();
    first(9, "part", { kind: "status", status: 503, code: "SlowDown" });
    const blob = toArchive(randomBytes(large));
    await expect(archive.put(blob, never)).rejects.toMatchObject({
      code: "ARCHIVE",
      message: expect.stringContaining("SlowDown, status 503"),
    });
    expect(s3.uploads.size).toBe(0);
    expect(s3.objects.size).toBe(0);
  });

  it("takes away an hour later what a killed process left, and nothing younger", async () => {
    const archive = await fresh();
    const key = `entrepot/blobs/sha256/${"ab".repeat(1)}/${"ab".repeat(32)}`;
    const begun = (id: string, ago: number, of = key) =>
      s3.uploads.set(id, { key: of, metadata: {}, parts: new Map(), begunAt: Date.now() - ago });
    for (const id of ["1", "2", "3"]) begun(id, 4_000_000);
    begun("4", 1_000_000);
    begun("5", 4_000_000, "docker/registry/v2/blobs/sha256/ab/data");
    expect(await archive.dropUnfinished(Date.now() - 3_600_000, never)).toBe(3);
    expect([...s3.uploads.keys()]).toEqual(["4", "5"]);
  });

  it("takes away no upload that is under way", async () => {
    const archive = await fresh();
    let isHeld = true;
    s3.misbehave = (asked) => (asked === "complete" && isHeld ? { kind: "hang" } : undefined);
    const stop = new AbortController();
    const putting = archive.put(toArchive(randomBytes(large)), stop.signal);
    await eventually(() => s3.count("complete") > 0);
    expect(await archive.dropUnfinished(Number.MAX_SAFE_INTEGER, never)).toBe(0);
    isHeld = false;
    stop.abort();
    await expect(putting).rejects.toMatchObject({ code: "ARCHIVE" });
  });

  it("leaves alone what lies beside its own in the bucket", async () => {
    const archive = await fresh();
    const others = { bytes: Buffer.from("x"), metadata: {} };
    s3.objects.set("docker/registry/v2/blobs/sha256/ab/abcd/data", others);
    s3.objects.set("entrepot/blobs/notes.txt", others);
    const listed = [];
    for await (const blob of archive.list(never)) listed.push(blob);
    expect(listed).toEqual([]);
  });

  it("gives what it has and then breaks off when the connection does", async () => {
    const archive = await fresh();
    const blob = toArchive(randomBytes(500_000));
    await archive.put(blob, never);
    first(1, "get", { kind: "cut", after: 200_000 });
    const opened = await archive.open(blob.digest, { start: 0 }, never);
    await expect(read(opened)).rejects.toMatchObject({ code: "ARCHIVE" });
  });

  it("gives up a body that stalls, and a head that does not come", async () => {
    const archive = await fresh({ bodyTimeoutMs: 200, limits: { briefHeaders: 200 } });
    const digest = digestOf(randomBytes(8));
    s3.misbehave = () => ({ kind: "hang" });
    await expect(archive.stat(digest, never)).rejects.toMatchObject({ code: "ARCHIVE" });
    await expect(archive.open(digest, { start: 0 }, never)).rejects.toMatchObject({
      code: "ARCHIVE",
    });
  });

  it("names the bucket and what S3 said when it is refused, and never the secret", async () => {
    const archive = await fresh();
    s3.misbehave = () => ({ kind: "status", status: 403, code: "AccessDenied" });
    const error = await archive.put(toArchive(randomBytes(10)), never).catch((each) => each);
    expect(error.message).toContain(`the archive s3://images/entrepot at ${s3.url} failed to put`);
    expect(error.message).toContain("AccessDenied, status 403");
    expect(error.message).not.toContain("CANARY");
  });

  it("says that a bucket is not there, rather than that a blob is not", async () => {
    const archive = await fresh();
    s3.misbehave = () => ({ kind: "status", status: 404, code: "NoSuchBucket" });
    const digest = digestOf(randomBytes(8));
    await expect(archive.open(digest, { start: 0 }, never)).rejects.toMatchObject({
      code: "ARCHIVE",
    });
  });

  it("says what to do when nobody is there", async () => {
    const gone = await FakeS3.start();
    const { url } = gone;
    await gone.stop();
    const archive = await fresh({ endpoint: url });
    await expect(archive.stat(digestOf(randomBytes(8)), never)).rejects.toMatchObject({
      code: "ARCHIVE",
    });
  });
});
