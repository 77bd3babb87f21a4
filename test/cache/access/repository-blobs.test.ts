import { describe, expect, it } from "vitest";
import { RepositoryBlobs } from "../../../src/cache/access/repository-blobs.ts";
import { Generations } from "../../../src/cache/repository-ref.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { manifestAsk } from "../support/house.ts";

const digest = digestOf(Buffer.from("blob"));
const ref = (name: string) => manifestAsk(`${name}:1`);
const corp = ref("docker.io/corp/app");

function setUp(records = new MemoryRecordStore(), open: readonly string[] = []) {
  const isPublic = async (key: string) => open.includes(key);
  return {
    records,
    repositoryBlobs: new RepositoryBlobs({
      records,
      observe: () => expect.unreachable(),
      isPublic,
      generations: new Generations(),
      now: () => 0,
    }),
  };
}

describe("a repository holds a digest", () => {
  it("that its registry delivered", async () => {
    const { repositoryBlobs, records } = setUp();
    expect(await repositoryBlobs.holds(corp, digest)).toBe(false);
    await repositoryBlobs.delivered(corp, digest, { generation: 0 });
    expect(await repositoryBlobs.holds(corp, digest)).toBe(true);
    await repositoryBlobs.flush();
    expect(await setUp(records).repositoryBlobs.holds(corp, digest)).toBe(true);
  });

  it("that its registry confirms, when another repository there delivered the bytes", async () => {
    const { repositoryBlobs } = setUp();
    const other = ref("docker.io/corp/other");
    await repositoryBlobs.delivered(corp, digest, { generation: 0 });
    expect(await repositoryBlobs.holds(other, digest)).toBe(false);
    expect(await repositoryBlobs.confirmed(other, digest, { at: 0 })).toBe(true);
    expect(await repositoryBlobs.holds(other, digest)).toBe(true);
  });

  it("that it confirms when the bytes are known to be public", async () => {
    const { repositoryBlobs } = setUp(new MemoryRecordStore(), ["docker.io/library/alpine"]);
    await repositoryBlobs.delivered(ref("docker.io/library/alpine"), digest, { generation: 0 });
    expect(await repositoryBlobs.confirmed(ref("ghcr.io/a/b"), digest, { at: 0 })).toBe(true);
  });
});

describe("what is public at a registry", () => {
  const library = ref("docker.io/library/alpine");
  const team = ref("docker.io/team/app");
  const openly = { generation: 0, access: { kind: "anonymous" } } as const;
  const asOperator = { generation: 0, access: { kind: "shared" } } as const;

  it("was given to us without a login, in a repository that is public, be it before a restart", async () => {
    const open = ["docker.io/library/alpine"];
    const { repositoryBlobs, records } = setUp(new MemoryRecordStore(), open);
    await repositoryBlobs.delivered(library, digest, openly);
    expect(await repositoryBlobs.isPublicAt(team, digest)).toBe(true);
    expect(await repositoryBlobs.isPublicAt(ref("evil.example/a/b"), digest)).toBe(false);
    await repositoryBlobs.flush();
    const later = setUp(records, open).repositoryBlobs;
    expect(await later.isPublicAt(team, digest)).toBe(true);
    open.pop();
    expect(await later.isPublicAt(team, digest)).toBe(false);
  });

  it("was confirmed to us without a login, where it was given to one before", async () => {
    const { repositoryBlobs } = setUp(new MemoryRecordStore(), ["docker.io/library/alpine"]);
    await repositoryBlobs.delivered(library, digest, asOperator);
    expect(await repositoryBlobs.isPublicAt(team, digest)).toBe(false);
    await repositoryBlobs.confirmed(library, digest, { at: 0, access: { kind: "shared" } });
    expect(await repositoryBlobs.isPublicAt(team, digest)).toBe(false);
    await repositoryBlobs.confirmed(library, digest, { at: 0, access: { kind: "none" } });
    expect(await repositoryBlobs.isPublicAt(team, digest)).toBe(true);
  });

  it("is not what a client's login got, nor what somebody else confirmed", async () => {
    const open = ["docker.io/library/alpine", "evil.example/a/b"];
    const { repositoryBlobs } = setUp(new MemoryRecordStore(), open);
    const access = { kind: "client", authorization: "CANARY-alice" } as const;
    await repositoryBlobs.delivered(library, digest, { generation: 0, access });
    await repositoryBlobs.confirmed(ref("evil.example/a/b"), digest, { at: 0, ...openly });
    expect(await repositoryBlobs.isPublicAt(team, digest)).toBe(false);
  });

  it("is nothing that records say which were written before that was noted", async () => {
    const records = new MemoryRecordStore();
    await records.set(`held/${digest}`, { "docker.io/library/alpine": true });
    const { repositoryBlobs } = setUp(records, ["docker.io/library/alpine"]);
    expect(await repositoryBlobs.holds(library, digest)).toBe(true);
    expect(await repositoryBlobs.isPublicAt(team, digest)).toBe(false);
    await repositoryBlobs.confirmed(library, digest, { at: 0, ...openly });
    expect(await repositoryBlobs.isPublicAt(team, digest)).toBe(true);
  });
});

describe("a repository does not hold a digest", () => {
  it("because an evil registry confirms it", async () => {
    const { repositoryBlobs } = setUp();
    await repositoryBlobs.delivered(corp, digest, { generation: 0 });
    expect(await repositoryBlobs.confirmed(ref("evil.example/corp/app"), digest, { at: 0 })).toBe(
      false,
    );
    expect(await repositoryBlobs.holds(ref("evil.example/corp/app"), digest)).toBe(false);
  });

  it("because another one at its registry only confirmed it, once the bytes are not public any more", async () => {
    const open = ["docker.io/library/alpine"];
    const { repositoryBlobs } = setUp(new MemoryRecordStore(), open);
    await repositoryBlobs.delivered(ref("docker.io/library/alpine"), digest, { generation: 0 });
    expect(await repositoryBlobs.confirmed(ref("evil.example/a"), digest, { at: 0 })).toBe(true);
    open.pop();
    expect(await repositoryBlobs.confirmed(ref("evil.example/b"), digest, { at: 0 })).toBe(false);
  });

  it("that nobody delivered, or that is gone", async () => {
    const { repositoryBlobs } = setUp();
    expect(await repositoryBlobs.confirmed(corp, digest, { at: 0 })).toBe(false);
    await repositoryBlobs.delivered(corp, digest, { generation: 0 });
    repositoryBlobs.forget(digest);
    expect(await repositoryBlobs.holds(corp, digest)).toBe(false);
  });

  it("once too many others do: it is asked again", async () => {
    const { repositoryBlobs } = setUp();
    await repositoryBlobs.delivered(corp, digest, { generation: 0 });
    for (let index = 0; index < 256; index += 1)
      await repositoryBlobs.delivered(ref(`docker.io/many/r${index}`), digest, { generation: 0 });
    expect(await repositoryBlobs.holds(corp, digest)).toBe(false);
    expect(await repositoryBlobs.confirmed(corp, digest, { at: 0 })).toBe(true);
  });
});
