import { beforeEach, describe, expect, it } from "vitest";
import {
  askBlob,
  type BlobQuestion,
  confirmBlob,
  denialOf,
} from "../../../src/cache/asking/blob-asks.ts";
import type { Digest } from "../../../src/protocol/digest.ts";
import { anonymous, blobAsk } from "../support/house.ts";
import { Registries, respond } from "../support/registries.ts";

let upstream: Registries;
let digest: Digest;

beforeEach(() => {
  upstream = new Registries();
  digest = upstream.repository("docker.io", "library/alpine").addBlob(Buffer.from("0123456789"));
});

function ask(change: Partial<BlobQuestion> = {}) {
  const { registry, repository, signal } = blobAsk(`docker.io/library/alpine@${digest}`);
  const how = { method: "GET", redirects: "blob", patience: "full", access: anonymous } as const;
  return askBlob(upstream, { registry, repository, digest, signal, ...how, ...change });
}

describe("asking about a blob", () => {
  it("asks for one absolute range, unencoded", async () => {
    const given = await ask({ range: { start: 2, end: 5 } });
    expect(given).toMatchObject({ kind: "given", response: { status: 206 } });
    expect(upstream.seen[0]?.headers.get("range")).toEqual(["bytes=2-4"]);
    expect(upstream.seen[0]?.headers.get("accept-encoding")).toEqual(["identity"]);
    await ask({ range: { start: 2, end: undefined } });
    expect(upstream.seen[1]?.headers.get("range")).toEqual(["bytes=2-"]);
  });

  it.each([200, 206, 302, 307, 416])("%i: the registry gives it", async (status) => {
    upstream.fault("docker.io", (request) => respond(request, status));
    expect(await ask({ method: "HEAD", redirects: "pass" })).toMatchObject({ kind: "given" });
  });

  it.each([
    [401, "refused"],
    [403, "refused"],
    [404, "missing"],
    [405, "missing"],
    [429, "unavailable"],
    [502, "unavailable"],
  ])("%i: %s", async (status, kind) => {
    upstream.fault("docker.io", (request) => respond(request, status));
    expect(await ask()).toMatchObject({ kind, answer: { status } });
    expect(denialOf({ status, headers: new Map(), body: Buffer.alloc(0) }).kind).toBe(kind);
  });

  it("of a registry that is down, or may not be asked", async () => {
    upstream.down("docker.io", "DNS");
    expect(await ask()).toMatchObject({ kind: "unavailable", error: { code: "DNS" } });
    upstream.down("docker.io", "FORBIDDEN");
    await expect(ask()).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});

describe("the registry's word on who may have a kept blob", () => {
  const cdn = { location: "https://cdn.example/signed" };
  const page = { "content-type": "Text/HTML; charset=utf-8" };
  const part = (of: number) => ({ "content-range": `bytes 0-0/${of}`, "content-length": "1" });

  /** What HEAD is answered with, then what the first byte is. */
  async function word(head: Answer, first?: Answer, size: number | "unknown" = 10) {
    upstream.fault("docker.io", (request) => {
      const [status, fields] = request.method === "HEAD" ? head : (first ?? [500, {}]);
      return respond(request, status, { ...fields, etag: undefined }, Buffer.alloc(0));
    });
    const { registry, repository, signal } = blobAsk(`docker.io/library/alpine@${digest}`);
    const question = { registry, repository, digest, signal, access: anonymous } as const;
    const known = size === "unknown" ? undefined : size;
    const answer = await confirmBlob(upstream, { ...question, patience: "full" }, known);
    return [answer.kind, upstream.log.length];
  }
  type Answer = readonly [status: number, fields: Record<string, string>];

  it("is a 200 with its size or its digest", async () => {
    expect(await word([200, { "content-length": "10" }])).toEqual(["given", 1]);
    upstream.forget();
    expect(await word([200, { "docker-content-digest": digest }])).toEqual(["given", 1]);
  });

  it.each<readonly [string, Answer, Answer, string]>([
    ["the first byte of a blob of that size", [307, cdn], [206, part(10)], "given"],
    ["the whole of it", [307, cdn], [200, { "content-length": "10" }], "given"],
    ["a part of something else", [307, cdn], [206, part(11)], "missing"],
    ["another part", [307, cdn], [206, { "content-range": "bytes 1-1/10" }], "missing"],
    ["a login page", [302, cdn], [200, { ...page, "content-length": "10" }], "missing"],
    ["a redirect once more", [302, cdn], [302, cdn], "missing"],
    ["storage that refuses", [307, cdn], [403, {}], "missing"],
    ["storage that is ill", [307, cdn], [503, {}], "unavailable"],
    ["a page there and then", [200, page], [200, page], "missing"],
    ["a 200 of which nobody knows what it is", [200, {}], [206, part(10)], "given"],
    [
      "a lie about the digest",
      [200, { "docker-content-digest": `sha256:${"0".repeat(64)}` }],
      [404, {}],
      "missing",
    ],
  ])("is looked for where a redirect leads: %s", async (_name, head, first, kind) => {
    expect(await word(head, first)).toEqual([kind, 2]);
    const { method, headers } = upstream.seen[1] ?? {};
    expect([method, headers?.get("range")]).toEqual(["GET", ["bytes=0-0"]]);
  });

  it("of an empty blob is a 416", async () => {
    expect(await word([307, cdn], [416, { "content-range": "bytes */0" }], 0)).toEqual([
      "given",
      2,
    ]);
  });

  it("is no size while nobody knows it", async () => {
    expect(await word([307, cdn], [206, part(10)], "unknown")).toEqual(["missing", 2]);
  });

  it("is a refusal at once", async () => {
    expect(await word([401, {}])).toEqual(["refused", 1]);
  });
});
