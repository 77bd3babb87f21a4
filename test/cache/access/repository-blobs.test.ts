import { describe, expect, it } from "vitest";
import { RepositoryBlobs } from "../../../src/cache/access/repository-blobs.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { MemoryRecordStore } from "../../../src/store/memory/memory-record-store.ts";
import { manifestAsk } from "../support/house.ts";

const digest = digestOf(Buffer.from("blob"));
const place = (name: string) => manifestAsk(`${name}:1`);
const corp = place("docker.io/corp/app");

function setUp(records = new MemoryRecordStore(), open: readonly string[] = []) {
  const isPublic = async (key: string) => open.includes(key);
  return {
    records,
    holdings: new RepositoryBlobs({ records, observe: () => expect.unreachable(), isPublic }),
  };
}

describe("a repository holds a digest", () => {
  it("that its registry delivered", async () => {
    const { holdings, records } = setUp();
    expect(await holdings.holds(corp, digest)).toBe(false);
    await holdings.delivered(corp, digest);
    expect(await holdings.holds(corp, digest)).toBe(true);
    await holdings.flush();
    expect(await setUp(records).holdings.holds(corp, digest)).toBe(true);
  });

  it("that its registry confirms, when another repository there delivered the bytes", async () => {
    const { holdings } = setUp();
    const other = place("docker.io/corp/other");
    await holdings.delivered(corp, digest);
    expect(await holdings.holds(other, digest)).toBe(false);
    expect(await holdings.confirmed(other, digest)).toBe(true);
    expect(await holdings.holds(other, digest)).toBe(true);
  });

  it("that it confirms when the bytes are known to be public", async () => {
    const { holdings } = setUp(new MemoryRecordStore(), ["docker.io/library/alpine"]);
    await holdings.delivered(place("docker.io/library/alpine"), digest);
    expect(await holdings.confirmed(place("ghcr.io/a/b"), digest)).toBe(true);
  });
});

describe("a repository does not hold a digest", () => {
  it("because an evil registry confirms it", async () => {
    const { holdings } = setUp();
    await holdings.delivered(corp, digest);
    expect(await holdings.confirmed(place("evil.example/corp/app"), digest)).toBe(false);
    expect(await holdings.holds(place("evil.example/corp/app"), digest)).toBe(false);
  });

  it("because another one at its registry only confirmed it, once the bytes are not public any more", async () => {
    const open = ["docker.io/library/alpine"];
    const { holdings } = setUp(new MemoryRecordStore(), open);
    await holdings.delivered(place("docker.io/library/alpine"), digest);
    expect(await holdings.confirmed(place("evil.example/a"), digest)).toBe(true);
    open.pop();
    expect(await holdings.confirmed(place("evil.example/b"), digest)).toBe(false);
  });

  it("that nobody delivered, or that is gone", async () => {
    const { holdings } = setUp();
    expect(await holdings.confirmed(corp, digest)).toBe(false);
    await holdings.delivered(corp, digest);
    holdings.forget(digest);
    expect(await holdings.holds(corp, digest)).toBe(false);
  });

  it("once too many others do: it is asked again", async () => {
    const { holdings } = setUp();
    await holdings.delivered(corp, digest);
    for (let index = 0; index < 256; index += 1)
      await holdings.delivered(place(`docker.io/many/r${index}`), digest);
    expect(await holdings.holds(corp, digest)).toBe(false);
    expect(await holdings.confirmed(corp, digest)).toBe(true);
  });
});
