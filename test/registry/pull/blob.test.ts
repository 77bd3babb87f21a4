import { describe, expect, it } from "vitest";
import type { BlobAsk } from "../../../src/cache/pull-ask.ts";
import { bytesOf, contentOf, startRig } from "../rig.ts";

const blob = contentOf(bytesOf(100));
const path = `/v2/library/alpine/blobs/${blob.digest}`;

async function askedWith(headers: Record<string, string>, method = "GET"): Promise<BlobAsk> {
  const asked: BlobAsk[] = [];
  const rig = await startRig({
    blob: async (blobAsk) => {
      asked.push(blobAsk);
      return contentOf(bytesOf(100));
    },
  });
  await rig.fetch(path, { headers, method });
  const [ask] = asked;
  if (ask === undefined) throw new Error("the cache was not asked");
  return ask;
}

describe("a client asking for a blob", () => {
  it("asks the cache for that digest in that repository", async () => {
    expect(await askedWith({})).toMatchObject({
      registry: { name: "registry.example" },
      repository: "library/alpine",
      digest: blob.digest,
      range: undefined,
      access: { kind: "none" },
      isHead: false,
      noCache: false,
      isMirror: false,
      isPublicOnly: false,
    });
  });

  it("has its login, its range and its wish for fresh bytes handed on", async () => {
    const ask = await askedWith({
      authorization: "Bearer CANARY",
      range: "bytes=10-",
      "cache-control": "no-cache",
    });
    expect(ask).toMatchObject({
      access: { kind: "client", authorization: "Bearer CANARY" },
      range: [{ kind: "from", start: 10, end: undefined }],
      noCache: true,
    });
  });

  it("has no range when it was meant for other bytes, or asked by HEAD", async () => {
    expect((await askedWith({ range: "bytes=10-", "if-range": '"x"' })).range).toBeUndefined();
    const head = await askedWith({ range: "bytes=10-" }, "HEAD");
    expect([head.range, head.isHead]).toEqual([undefined, true]);
  });
});
