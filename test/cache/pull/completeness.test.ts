import { beforeEach, describe, expect, it } from "vitest";
import { RepositoryBlobs } from "../../../src/cache/access/repository-blobs.ts";
import { Manifests } from "../../../src/cache/keeping/manifests.ts";
import { type CompletenessParts, isComplete } from "../../../src/cache/pull/completeness.ts";
import { Generations } from "../../../src/cache/repository-ref.ts";
import type { Digest } from "../../../src/protocol/digest.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { noBooks } from "../../support/no-books.ts";
import { manifestAsk } from "../support/house.ts";
import { everybody, Repository, types } from "../support/registries.ts";

const ref = manifestAsk("docker.io/library/alpine:1");
const blobs = new MemoryBlobStore();
const repository = new Repository(everybody);
const amd = repository.addImage("1", "amd");
const arm = repository.addImage("1", "arm");
const index = repository.addIndex("1", [arm.manifest, amd.manifest]);
const outer = repository.addIndex("1", [index]);

let parts: CompletenessParts & {
  readonly repositoryBlobs: RepositoryBlobs;
  readonly manifests: Manifests;
};

async function keepBlob(digest: Digest): Promise<void> {
  const draft = await blobs.create();
  await draft.write(repository.blobs.get(digest) ?? Buffer.alloc(0), draft.written);
  await draft.commit(digest);
  await draft.close();
  await parts.repositoryBlobs.delivered(ref, digest, { generation: 0 });
}

async function keepManifest(digest: Digest): Promise<void> {
  const { bytes, mediaType } = repository.manifests.get(digest) ?? {
    bytes: Buffer.alloc(0),
    mediaType: "",
  };
  await parts.manifests.keep(ref, { digest, mediaType, bytes });
  await parts.repositoryBlobs.delivered(ref, digest, { generation: 0 });
}

beforeEach(() => {
  const records = new MemoryRecordStore();
  const observe = () => undefined;
  const usage = { used: () => undefined };
  parts = {
    blobs,
    manifests: new Manifests({
      books: noBooks,
      blobs,
      drafts: blobs,
      records,
      usage,
      observe,
      now: () => 0,
    }),
    repositoryBlobs: new RepositoryBlobs({
      records,
      observe,
      isPublic: async () => false,
      generations: new Generations(),
      now: () => 0,
    }),
  };
});

describe("an image", () => {
  it("is complete when its manifest and all its blobs are held by the repository", async () => {
    expect(await isComplete(parts, ref, amd.manifest)).toBe(false);
    await keepManifest(amd.manifest);
    await keepBlob(amd.config);
    expect(await isComplete(parts, ref, amd.manifest)).toBe(false);
    await keepBlob(amd.layer);
    expect(await isComplete(parts, ref, amd.manifest)).toBe(true);
    const elsewhere = manifestAsk("docker.io/library/other:1");
    expect(await isComplete(parts, elsewhere, amd.manifest)).toBe(false);
    await blobs.delete(amd.layer);
    expect(await isComplete(parts, ref, amd.manifest)).toBe(false);
  });

  it("needs none of the layers that registries do not distribute", async () => {
    const mediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    const windows = repository.addManifest(
      {
        schemaVersion: 2,
        config: { mediaType: "a/b", digest: amd.config, size: 1 },
        layers: [{ mediaType, digest: arm.layer, size: 1 }],
      },
      types.ociManifest,
    );
    await keepManifest(windows);
    await keepBlob(amd.config);
    expect(await isComplete(parts, ref, windows)).toBe(true);
  });
});

it("an index is complete with one of its images, however deep that is", async () => {
  for (const digest of [outer, index, amd.manifest]) await keepManifest(digest);
  expect(await isComplete(parts, ref, outer)).toBe(false);
  for (const digest of [amd.config, amd.layer]) await keepBlob(digest);
  expect(await isComplete(parts, ref, outer)).toBe(true);
});

it("an index is not complete with the attestation of one of its images alone", async () => {
  const child = (digest: Digest, platform: object) => ({
    ...{ mediaType: types.ociManifest, digest, size: 1, platform },
  });
  const both = repository.addManifest(
    {
      ...{ schemaVersion: 2, mediaType: types.ociIndex },
      manifests: [
        child(amd.manifest, { os: "linux", architecture: "amd64" }),
        child(arm.manifest, { os: "unknown", architecture: "unknown" }),
      ],
    },
    types.ociIndex,
  );
  for (const digest of [both, arm.manifest]) await keepManifest(digest);
  for (const digest of [arm.config, arm.layer]) await keepBlob(digest);
  expect(await isComplete(parts, ref, both)).toBe(false);
  await keepManifest(amd.manifest);
  for (const digest of [amd.config, amd.layer]) await keepBlob(digest);
  expect(await isComplete(parts, ref, both)).toBe(true);
});
