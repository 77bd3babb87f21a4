import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/protocol/digest.ts";
import { headerList, headerValue } from "../../../src/protocol/http/header-list.ts";
import { canonicalRegistry } from "../../../src/protocol/registry-name.ts";
import {
  type BlobRangeAsk,
  openBlobAt,
  openBlobPart,
} from "../../../src/upstream/client/blob-range.ts";
import type { RegistryClient, RegistryRequest } from "../../../src/upstream/registry-client.ts";
import { UpstreamRefusal } from "../../../src/upstream/upstream-refusal.ts";
import { readAll, rejection } from "../rig.ts";

const blob = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 251));
const name = canonicalRegistry("reg.test");
if (name === undefined) throw new Error("malformed");

const ask: BlobRangeAsk = {
  registry: { name, scheme: "https" },
  repository: "library/alpine",
  digest: digestOf(blob),
  access: { kind: "anonymous" },
  offset: 0,
  signal: new AbortController().signal,
};

type Reply = {
  readonly status: number;
  readonly fields?: Record<string, string>;
  readonly bytes?: Uint8Array;
};

/** A registry that gives these answers, one after the other. */
function registry(...replies: Reply[]) {
  const requests: RegistryRequest[] = [];
  const bodies: Readable[] = [];
  const client: RegistryClient = {
    send: async (request) => {
      const reply = replies[requests.length];
      requests.push(request);
      if (reply === undefined) throw new Error("asked too often");
      const body = Readable.from(reply.bytes === undefined ? [] : slices(reply.bytes));
      bodies.push(body);
      return { status: reply.status, headers: headerList(reply.fields ?? {}), body };
    },
  };
  const ranges = () => requests.map(({ headers }) => headerValue(headers, "range"));
  return { client, requests, bodies, ranges };
}

function slices(bytes: Uint8Array): Uint8Array[] {
  return [bytes.subarray(0, 7), bytes.subarray(7, 300), bytes.subarray(300)].filter(
    (slice) => slice.length > 0,
  );
}

const whole: Reply = { status: 200, fields: { "content-length": "1000" }, bytes: blob };

function part(start: number, total: number | "*" = 1_000): Reply {
  return {
    status: 206,
    fields: { "content-range": `bytes ${start}-999/${total}` },
    bytes: blob.subarray(start),
  };
}

const protocol = { code: "PROTOCOL", host: "reg.test" };

describe("a blob from its start", () => {
  it("is asked for without a Range, following redirects", async () => {
    const { client, requests, ranges } = registry(whole);
    const opened = await openBlobAt(client, ask);
    expect(opened.total).toBe(1_000);
    expect((await readAll(opened.body)).equals(blob)).toBe(true);
    expect(ranges()).toEqual([undefined]);
    expect(requests[0]).toMatchObject({
      method: "GET",
      target: `/v2/library/alpine/blobs/${ask.digest}`,
      redirects: "blob",
      access: { kind: "anonymous" },
    });
  });

  it("has no total when the registry does not say its length", async () => {
    const { client } = registry({ status: 200, bytes: blob });
    expect((await openBlobAt(client, ask)).total).toBeUndefined();
  });

  it("is refused as a part", async () => {
    const { client } = registry(part(0));
    expect(await rejection(openBlobAt(client, ask))).toMatchObject(protocol);
  });

  it("is closed by who does not read it", async () => {
    const { client, bodies } = registry(whole);
    (await openBlobAt(client, ask)).close();
    expect(bodies[0]?.destroyed).toBe(true);
  });
});

describe.each([1, 6, 7, 8, 500, 999])("a blob from byte %i", (offset) => {
  const rest = blob.subarray(offset);

  it("comes as the 206 that was asked for", async () => {
    const { client, ranges } = registry(part(offset));
    const opened = await openBlobAt(client, { ...ask, offset });
    expect(opened.total).toBe(1_000);
    expect((await readAll(opened.body)).equals(rest)).toBe(true);
    expect(ranges()).toEqual([`bytes=${offset}-`]);
  });

  it("comes out of a 200 that ignores the Range", async () => {
    const { client } = registry(whole);
    const opened = await openBlobAt(client, { ...ask, offset });
    expect((await readAll(opened.body)).equals(rest)).toBe(true);
  });

  it("comes out of an encoded 200", async () => {
    const encoded = { "content-encoding": "gzip", "content-length": "9" };
    const { client } = registry({ status: 200, fields: encoded, bytes: gzipSync(blob) });
    const opened = await openBlobAt(client, { ...ask, offset });
    expect(opened.total).toBeUndefined();
    expect((await readAll(opened.body)).equals(rest)).toBe(true);
  });

  it("is asked for as a whole when its part comes encoded", async () => {
    const encoded = { "content-encoding": "gzip", "content-range": `bytes ${offset}-20/21` };
    const { client, ranges, bodies } = registry(
      { status: 206, fields: encoded, bytes: Buffer.alloc(10) },
      { status: 200, fields: { "content-encoding": "gzip" }, bytes: gzipSync(blob) },
    );
    const opened = await openBlobAt(client, { ...ask, offset });
    expect((await readAll(opened.body)).equals(rest)).toBe(true);
    expect(ranges()).toEqual([`bytes=${offset}-`, undefined]);
    expect(bodies[0]?.destroyed).toBe(true);
  });
});

describe("a part that makes no sense", () => {
  const offset = 500;
  const senseless: readonly [string, Reply][] = [
    ["another start", part(499)],
    ["another start", part(501)],
    ["no Content-Range", { status: 206, bytes: blob.subarray(500) }],
    ["units of its own", { status: 206, fields: { "content-range": "chunks 500-999/1000" } }],
    ["416 before the end", unsatisfied(900)],
    ["416 without a length", { status: 416 }],
    ["ranges it cannot do", { status: 501 }],
    ["ranges it does not understand", { status: 400 }],
  ];

  it.each(senseless)("is let go, and the whole skipped forward: %s", async (_, reply) => {
    const { client, bodies, ranges } = registry(reply, whole);
    const opened = await openBlobAt(client, { ...ask, offset });
    expect((await readAll(opened.body)).equals(blob.subarray(500))).toBe(true);
    expect(opened.total).toBe(1_000);
    expect(ranges()).toEqual(["bytes=500-", undefined]);
    expect(bodies[0]?.destroyed).toBe(true);
  });

  it("is refused where a whole comes in part too", async () => {
    const { client } = registry(part(499), part(499));
    const failed = openBlobAt(client, { ...ask, offset });
    expect(await rejection(failed)).toMatchObject(protocol);
  });

  it("is none when only the total is unknown", async () => {
    const { client } = registry(part(offset, "*"));
    const opened = await openBlobAt(client, { ...ask, offset });
    expect(opened.total).toBeUndefined();
    expect((await readAll(opened.body)).equals(blob.subarray(500))).toBe(true);
  });
});

function unsatisfied(total: number): Reply {
  return { status: 416, fields: { "content-range": `bytes */${total}` } };
}

it("416 at the very end of a blob of unknown length means that it is all there", async () => {
  const { client } = registry(unsatisfied(1_000));
  const opened = await openBlobAt(client, { ...ask, offset: 1_000 });
  expect(opened.total).toBe(1_000);
  expect((await readAll(opened.body)).length).toBe(0);
});

describe("another answer", () => {
  it.each([401, 403, 404, 429, 500, 503, 307, 204])(
    "%i is the registry's own refusal",
    async (status) => {
      const fields = { "retry-after": "7" };
      const { client } = registry({ status, fields, bytes: Buffer.alloc(100_000, "x") });
      const refusal = await rejection(openBlobAt(client, { ...ask, offset: 3 }));
      expect(refusal).toBeInstanceOf(UpstreamRefusal);
      const { response } = refusal as UpstreamRefusal;
      expect(response.status).toBe(status);
      expect(headerValue(response.headers, "retry-after")).toBe("7");
      expect(response.body.length).toBe(65_536);
    },
  );
});

describe("a part of a blob", () => {
  const middle = (end: number): Reply => ({
    status: 206,
    fields: { "content-range": `bytes 100-${end - 1}/1000` },
    bytes: blob.subarray(100, end),
  });
  const wanted = { ...ask, offset: 100, end: 300 };

  it("is asked for by both its ends, and at the storage that is known", async () => {
    const { client, ranges, requests } = registry(middle(300));
    const address = { host: "cdn.test", port: 443 };
    const storage = { scheme: "https", address, target: "/b?sig=x" } as const;
    const opened = await openBlobPart(client, { ...wanted, storage });
    expect([opened.total, opened.hasNoParts]).toEqual([1_000, undefined]);
    expect((await readAll(opened.body)).equals(blob.subarray(100, 300))).toBe(true);
    expect([ranges(), requests[0]?.storage]).toEqual([["bytes=100-299"], storage]);
  });

  it("may end before its end: who wants more asks again", async () => {
    const opened = await openBlobPart(registry(middle(200)).client, wanted);
    expect((await readAll(opened.body)).equals(blob.subarray(100, 200))).toBe(true);
  });

  it("beyond the blob's end is nothing, and says how long the blob is", async () => {
    const opened = await openBlobPart(registry(unsatisfied(100)).client, wanted);
    expect([opened.total, (await readAll(opened.body)).length]).toEqual([100, 0]);
    expect(opened.hasNoParts).toBeUndefined();
  });

  it.each<readonly [string, Reply]>([
    ["the whole", whole],
    ["another start", part(99)],
    ["more than was asked for", middle(301)],
    ["no total", { ...middle(300), fields: { "content-range": "bytes 100-299/*" } }],
    ["encoded bytes", { ...middle(300), fields: { "content-encoding": "gzip" } }],
    ["a 416 within the blob", unsatisfied(1_000)],
    ["a 400", { status: 400 }],
    ["a 501", { status: 501 }],
  ])("that is answered with %s is not to be had", async (_, reply) => {
    const { client, bodies } = registry(reply);
    const opened = await openBlobPart(client, wanted);
    expect([opened.hasNoParts, bodies[0]?.destroyed]).toEqual([true, true]);
  });

  it.each([401, 404, 503])("that is refused with %i is refused", async (status) => {
    const refusal = rejection(openBlobPart(registry({ status }).client, wanted));
    expect(await refusal).toMatchObject({ response: { status } });
  });
});
