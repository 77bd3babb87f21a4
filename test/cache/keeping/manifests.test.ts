import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import { Manifests } from "../../../src/cache/keeping/manifests.ts";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import { longestTurn, staysBelow } from "../../support/longest-turn.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { amongOthers, memoryOf } from "../../support/memory-of.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { noBooks } from "../../support/no-books.ts";
import { manifestAsk } from "../support/house.ts";
import { everybody, Repository, types } from "../support/registries.ts";

const ref = manifestAsk("docker.io/library/alpine:1");
const other = manifestAsk("ghcr.io/a/b:1").registry.name;
const hub = ref.registry.name;

function setUp(blobs = new MemoryBlobStore(), records = new MemoryRecordStore(), limit?: number) {
  const events: CacheEvent[] = [];
  const used: Digest[] = [];
  const clock = { now: 0 };
  const manifests = new Manifests({
    books: noBooks,
    blobs,
    drafts: blobs,
    records,
    usage: { used: (digest) => used.push(digest) },
    observe: (event) => events.push(event),
    now: () => clock.now,
    ...(limit === undefined ? {} : { limit }),
  });
  return { blobs, records, events, used, clock, manifests };
}

const keep = (content: Buffer, mediaType: string = types.ociManifest) => ({
  digest: digestOf(content),
  mediaType,
  bytes: content,
});

const repository = new Repository(everybody);
const image = repository.addImage("1", "alpine");
const bytes = repository.manifests.get(image.manifest)?.bytes ?? Buffer.alloc(0);
const manifest = keep(bytes);
const opaque = keep(Buffer.from('{"opaque":1}'), "application/json");

describe("manifests", () => {
  it("are served from memory at once, and from the store after a restart", async () => {
    const first = setUp();
    await first.manifests.keep(ref, manifest);
    expect(await first.manifests.get(manifest.digest, hub)).toEqual(manifest);
    expect(first.used).toEqual([manifest.digest]);
    await first.manifests.flush();
    expect(first.events).toEqual([
      {
        kind: "blobStored",
        registry: hub,
        repository: "library/alpine",
        digest: manifest.digest,
        size: bytes.length,
      },
    ]);
    const second = setUp(first.blobs, first.records);
    expect(await second.manifests.get(manifest.digest, hub)).toEqual(manifest);
    await second.manifests.keep(ref, manifest);
    await second.manifests.flush();
    expect(second.events).toEqual([]);
  });

  it("have the type that each registry gave them; another's word counts only if the bytes say so too", async () => {
    const { manifests } = setUp();
    await manifests.keep(ref, manifest);
    await manifests.keep(ref, opaque);
    expect((await manifests.get(manifest.digest, other))?.mediaType).toBe(types.ociManifest);
    expect(await manifests.get(opaque.digest, other)).toBeUndefined();
    await manifests.keep(
      { ...ref, registry: { name: other, scheme: "https" } },
      { ...opaque, mediaType: "x/y+json" },
    );
    expect((await manifests.get(opaque.digest, other))?.mediaType).toBe("x/y+json");
    expect((await manifests.get(opaque.digest, hub))?.mediaType).toBe("application/json");
  });

  it("are bounded in memory, and read back", async () => {
    const { manifests, blobs } = setUp(undefined, undefined, 1_000);
    await manifests.keep(ref, manifest);
    await manifests.flush();
    await manifests.keep(ref, opaque);
    await manifests.flush();
    let opened = 0;
    const open = blobs.open.bind(blobs);
    blobs.open = (digest) => {
      opened += 1;
      return open(digest);
    };
    expect((await manifests.get(manifest.digest, hub))?.bytes).toEqual(bytes);
    expect(opened).toBe(1);
  });

  it("that rotted on the disk are dropped, never served", async () => {
    const { blobs, records, manifests } = setUp();
    await manifests.keep(ref, manifest);
    await manifests.flush();
    const rotten = Buffer.from(bytes);
    rotten[5] = 0;
    const draft = await blobs.create();
    await draft.write(rotten, draft.written);
    await draft.commit(manifest.digest);
    await draft.close();
    const second = setUp(blobs, records);
    expect(await second.manifests.get(manifest.digest, hub)).toBeUndefined();
    expect(second.events).toMatchObject([{ kind: "blobCorrupted", foundBy: "recheck" }]);
    expect(await blobs.stat(manifest.digest)).toBeUndefined();
  });

  it("stay in memory when the disk takes nothing", async () => {
    const { blobs, events, manifests } = setUp();
    blobs.create = () => Promise.reject(new Error("ENOSPC"));
    await manifests.keep(ref, manifest);
    await manifests.flush();
    expect(events).toMatchObject([{ kind: "diskFailed" }]);
    expect(await manifests.get(manifest.digest, hub)).toEqual(manifest);
  });

  it("that cannot be read are not kept", async () => {
    const { blobs, records, manifests } = setUp();
    await manifests.keep(ref, manifest);
    await manifests.flush();
    const second = setUp(blobs, records);
    blobs.open = () => Promise.reject(new Error("EIO"));
    expect(await second.manifests.get(manifest.digest, hub)).toBeUndefined();
    expect(second.events).toMatchObject([{ kind: "diskFailed" }]);
  });

  it("say what they refer to, and which were served lately", async () => {
    const { manifests, clock } = setUp();
    await manifests.keep(ref, manifest);
    clock.now = 10;
    await manifests.keep(ref, opaque);
    expect((await manifests.read(manifest.digest))?.references.map(({ digest }) => digest)).toEqual(
      [image.config, image.layer],
    );
    expect(await manifests.read(opaque.digest)).toBeUndefined();
    expect(await manifests.read(image.layer)).toBeUndefined();
    expect(manifests.servedSince(10)).toEqual([{ digest: opaque.digest, at: 10 }]);
    manifests.forget(manifest.digest);
    await manifests.flush();
    expect(await manifests.get(manifest.digest, hub)).toBeUndefined();
  });

  it("of 3.7 MB without mediaType that are asked for at other registries cost the loop nothing worth naming", async () => {
    const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", size: 1 };
    const layers = Array.from({ length: 9_000 }, (_, index) => ({
      ...layer,
      digest: digestOf(Buffer.from(`${index}`)),
      annotations: { pad: "x".repeat(230) },
    }));
    const large = Array.from({ length: 4 }, (_, index) =>
      keep(Buffer.from(JSON.stringify({ schemaVersion: 2, index, config: layers[0], layers }))),
    );
    expect(large[0]?.bytes.length).toBeGreaterThan(3_500_000);
    const parse = vi.spyOn(JSON, "parse");
    onTestFinished(() => parse.mockRestore());
    const registries = [other, manifestAsk("quay.io/a/b:1").registry.name];
    const turn = async () => {
      const fresh = setUp();
      for (const one of large) await fresh.manifests.keep(ref, one);
      await fresh.manifests.flush();
      return longestTurn(async () => {
        for (const { digest } of large)
          for (const registry of registries)
            expect(await fresh.manifests.get(digest, registry)).toBeUndefined();
      });
    };
    expect(await staysBelow(20, turn)).toBe(true);
    const parsed = parse.mock.calls.map(([text]) => text.length);
    expect(Math.max(0, ...parsed)).toBeLessThan(100_000);
  });
});

describe("many small manifests that came among much else", () => {
  it("take the memory that they are long", async () => {
    const { manifests } = setUp();
    const all = Array.from({ length: 100 }, (_, index) => keep(amongOthers(`{"number":${index}}`)));
    for (const one of all) await manifests.keep(ref, one);
    const kept = await Promise.all(all.map(({ digest }) => manifests.bytesOf(digest)));
    const there = kept.flatMap((one) => one ?? []);
    expect(there).toHaveLength(100);
    expect(memoryOf(there)).toBeLessThan(2_000);
  });
});
