import { describe, expect, it } from "vitest";
import { JustServed } from "../../../src/cache/pull/just-served.ts";
import { type Digest, toDigest } from "../../../src/protocol/digest.ts";
import { type Manifest, readManifest } from "../../../src/protocol/manifest.ts";
import { longestTurn, staysBelow, timeSpent } from "../../support/longest-turn.ts";

const number = (index: number): Digest => toDigest("sha256", String(index).padStart(64, "0"));

const manifest = (...parts: Digest[]): Manifest => ({
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  kind: "image",
  references: parts.map((digest) => ({
    ...{ digest, size: 1, mediaType: "", kind: "blob", isDistributable: true },
  })),
  subject: undefined,
});

function setUp(served: { readonly digest: Digest; readonly at: number }[]) {
  const known = new Map<Digest, Manifest>();
  const clock = { now: 1_000_000 };
  let reads = 0;
  const manifests = {
    servedSince: (since: number) => served.filter(({ at }) => at >= since),
    read: async (digest: Digest) => {
      reads += 1;
      return known.get(digest);
    },
  };
  const justServed = new JustServed({ manifests, now: () => clock.now });
  return { known, clock, justServed, reads: () => reads };
}

describe("what was just served", () => {
  it("is wanted with all its parts, as of the last serve that names them", async () => {
    const { known, justServed, reads } = setUp([
      { digest: number(1), at: 500_000 },
      { digest: number(2), at: 600_000 },
      { digest: number(3), at: 399_999 },
    ]);
    known.set(number(1), manifest(number(10), number(11)));
    known.set(number(2), manifest(number(11)));
    const wanted = [
      [number(1), 500_000],
      [number(10), 500_000],
      [number(11), 600_000],
      [number(2), 600_000],
    ];
    expect([...(await justServed.wanted())].sort()).toEqual([...wanted].sort());
    await justServed.wanted();
    expect(reads()).toBe(2);
  });

  it("is nothing any more ten minutes later", async () => {
    const { clock, justServed } = setUp([{ digest: number(1), at: 500_000 }]);
    clock.now = 1_100_001;
    expect(await justServed.wanted()).toEqual(new Map());
  });

  it("is what was served by a clock that was fast, too, and nothing of what a jump made old", async () => {
    const { clock, justServed } = setUp([
      { digest: number(1), at: 1_000_000 },
      { digest: number(2), at: 99_000_000 },
    ]);
    clock.now = 1_000;
    expect((await justServed.wanted()).size).toBe(2);
    clock.now = 1e12;
    expect((await justServed.wanted()).size).toBe(0);
  });

  it("counts a manifest that is gone as itself", async () => {
    const { justServed } = setUp([{ digest: number(1), at: 1_000_000 }]);
    expect([...(await justServed.wanted()).keys()]).toEqual([number(1)]);
  });

  it("holds nobody up with ten thousand manifests", async () => {
    const served = Array.from({ length: 10_000 }, (_, index) => ({
      ...{ digest: number(index), at: 1_000_000 },
    }));
    const measure = () => {
      const { known, justServed } = setUp(served);
      for (const [index, { digest }] of served.entries()) {
        const parts = Array.from({ length: 10 }, (_, part) => number(10_000 + index * 10 + part));
        known.set(digest, manifest(...parts));
      }
      return longestTurn(async () => {
        expect((await justServed.wanted()).size).toBe(110_000);
      });
    };
    expect(await staysBelow(40, measure)).toBe(true);
  });

  it("holds nobody up for longer than one manifest takes, however many large ones were served", async () => {
    const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", size: 1 };
    const layers = Array.from({ length: 9_000 }, (_, index) => ({
      ...{ ...layer, digest: number(index), annotations: { pad: "x".repeat(200) } },
    }));
    const bytes = Buffer.from(JSON.stringify({ config: { ...layer, digest: number(0) }, layers }));
    const parse = () => readManifest(bytes, "application/vnd.oci.image.manifest.v1+json");
    expect(parse()?.references.length).toBe(9_001);
    const served = Array.from({ length: 12 }, (_, index) => ({
      ...{ digest: number(20_000 + index), at: 1_000_000 },
    }));
    const measure = async () => {
      const alone = timeSpent(parse);
      const manifests = { servedSince: () => served, read: async () => parse() };
      const justServed = new JustServed({ manifests, now: () => 1_000_000 });
      return (await longestTurn(() => justServed.wanted())) / alone;
    };
    expect(await staysBelow(4, measure)).toBe(true);
  });
});
