import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import {
  getManifest,
  headManifest,
  type ManifestQuestion,
} from "../../../src/cache/asking/manifest-asks.ts";
import { isExcuse } from "../../../src/cache/asking/small-answer.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { resolveAccept } from "../../../src/protocol/media-type.ts";
import { UpstreamError, type UpstreamErrorCode } from "../../../src/upstream/upstream-error.ts";
import { anonymous, manifestAsk } from "../support/house.ts";
import { type Image, Registries, respond, types } from "../support/registries.ts";

let upstream: Registries;
let image: Image;
let bytes: Buffer;

beforeEach(() => {
  upstream = new Registries();
  const repository = upstream.repository("docker.io", "library/alpine");
  image = repository.addImage("1", "alpine");
  bytes = repository.manifests.get(image.manifest)?.bytes ?? Buffer.alloc(0);
});

function question(change: Partial<ManifestQuestion> = {}): ManifestQuestion {
  const { registry, repository, reference, signal } = manifestAsk("docker.io/library/alpine:1");
  const how = { access: anonymous, accept: resolveAccept, patience: "full" } as const;
  return { registry, repository, reference, signal, ...how, ...change };
}

const answerWith = (status: number, fields: Record<string, string | undefined>, body?: Buffer) =>
  upstream.fault("docker.io", (request) => respond(request, status, fields, body));

describe("HEAD of a manifest", () => {
  it("tells digest, type and length", async () => {
    expect(await headManifest(upstream, question())).toEqual({
      kind: "found",
      digest: image.manifest,
      mediaType: types.ociManifest,
      size: bytes.length,
    });
    expect(upstream.seen[0]?.headers.get("accept")).toEqual([resolveAccept]);
    expect(upstream.seen[0]?.headers.get("accept-encoding")).toEqual(["identity"]);
  });

  it.each([
    ["no digest", 200, { "content-type": types.ociManifest }],
    [
      "a malformed digest",
      200,
      { "content-type": types.ociManifest, "docker-content-digest": "sha256:1" },
    ],
    ["no type", 200, { "docker-content-digest": `sha256:${"0".repeat(64)}` }],
    ["400", 400, {}],
    ["404", 404, {}],
    ["405", 405, {}],
    ["501", 501, {}],
    ["a redirect", 307, { location: "/elsewhere" }],
  ])("answered with %s decides nothing", async (_, status, fields) => {
    answerWith(status, fields);
    expect(await headManifest(upstream, question())).toBeUndefined();
  });

  it.each([
    [401, "refused"],
    [403, "refused"],
    [429, "unavailable"],
    [503, "unavailable"],
  ])("answered with %i is %s", async (status, kind) => {
    answerWith(status, {});
    expect(await headManifest(upstream, question())).toMatchObject({ kind, answer: { status } });
  });
});

describe("GET of a manifest", () => {
  it("gives verified bytes, or says that they are the same", async () => {
    const expected = { kind: "bytes", digest: image.manifest, mediaType: types.ociManifest, bytes };
    expect(await getManifest(upstream, question())).toEqual(expected);
    expect(await getManifest(upstream, question({ known: image.manifest }))).toEqual({
      kind: "same",
    });
    expect(upstream.seen[1]?.headers.get("if-none-match")).toEqual([`"${image.manifest}"`]);
  });

  it.each([
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
    ["zstd", zstdCompressSync],
  ])("decodes %s that was not asked for", async (coding, encode) => {
    answerWith(
      200,
      { "content-type": types.ociManifest, "content-encoding": coding },
      encode(bytes),
    );
    expect(await getManifest(upstream, question())).toMatchObject({ kind: "bytes", bytes });
  });

  it("is not blown up by a bomb, nor by bytes that are no gzip", async () => {
    const fields = { "content-type": types.ociManifest, "content-encoding": "gzip" };
    answerWith(200, fields, gzipSync(Buffer.alloc(64 * 1024 * 1024)));
    expect(await getManifest(upstream, question())).toMatchObject({ error: { code: "PROTOCOL" } });
    answerWith(200, fields, bytes);
    expect(await getManifest(upstream, question())).toMatchObject({ error: { code: "PROTOCOL" } });
  });

  it("believes sha512 digests too, and any opaque JSON type", async () => {
    const opaque = Buffer.from('{"artifact":true}');
    const digest = digestOf(opaque, "sha512");
    const mediaType = "application/vnd.example.thing.v1+json";
    answerWith(200, { "content-type": mediaType, "docker-content-digest": digest }, opaque);
    expect(await getManifest(upstream, question())).toMatchObject({
      kind: "bytes",
      digest,
      mediaType,
    });
  });

  it.each([
    ["a login page", "text/html", "<html>"],
    ["a megabyte of brackets", "application/json", `${"[".repeat(5e5)}${"]".repeat(5e5)}`],
    ["HTML that calls itself JSON", "application/json", "<html>"],
    ["a list that calls itself an image", types.ociManifest, '{"manifests":[]}'],
    [
      "an image whose own type is another",
      types.ociManifest,
      `{"mediaType":"${types.dockerManifest}"}`,
    ],
    ["signed schema 1", "application/vnd.docker.distribution.manifest.v1+prettyjws", "{}"],
    ["no type at all", undefined, "{}"],
  ])("keeps nothing of %s", async (_, mediaType, body) => {
    answerWith(200, { "content-type": mediaType }, Buffer.from(body));
    expect(await getManifest(upstream, question())).toMatchObject({ kind: "unkept" });
  });

  it("refuses bytes of another digest than declared, or than asked for", async () => {
    const other = digestOf(Buffer.from("other"));
    answerWith(200, { "content-type": types.ociManifest, "docker-content-digest": other }, bytes);
    expect(await getManifest(upstream, question())).toMatchObject({ error: { code: "PROTOCOL" } });
    answerWith(200, { "content-type": types.ociManifest }, bytes);
    const byDigest = question({ reference: { kind: "digest", digest: other } });
    expect(await getManifest(upstream, byDigest)).toMatchObject({ error: { code: "PROTOCOL" } });
  });

  it("keeps nothing of more than 4 MiB", async () => {
    answerWith(200, { "content-type": types.ociManifest }, Buffer.alloc(4 * 1024 * 1024 + 1));
    expect(await getManifest(upstream, question())).toEqual({ kind: "unkept", isManifest: true });
  });

  it.each([
    ["an error with status 200", "application/json", '{"errors":[{"code":"UNKNOWN"}]}', undefined],
    ["an error that names a digest of its own", "application/json", '{"errors":[]}', "right"],
  ])("of %s is kept only where the registry stands by it", async (_, type, text, said) => {
    const body = Buffer.from(text);
    const digest = said === undefined ? undefined : digestOf(body);
    answerWith(200, { "content-type": type, "docker-content-digest": digest }, body);
    const answer = await getManifest(upstream, question());
    expect(answer.kind).toBe(said === undefined ? "unkept" : "bytes");
  });

  it("remembers no more than 255 bytes of a media type", async () => {
    const mediaType = `${types.ociManifest}; padding=${"x".repeat(60_000)}`;
    answerWith(200, { "content-type": mediaType, "docker-content-digest": image.manifest }, bytes);
    expect(await headManifest(upstream, question())).toMatchObject({
      mediaType: types.ociManifest,
    });
    expect(await getManifest(upstream, question())).toMatchObject({ mediaType: types.ociManifest });
  });

  it("gives a 404 and a redirect in the registry's words", async () => {
    answerWith(404, {});
    expect(await getManifest(upstream, question())).toMatchObject({ kind: "missing" });
    answerWith(307, { location: "https://elsewhere.example/v2/a/manifests/1" });
    expect(await getManifest(upstream, question())).toMatchObject({
      kind: "missing",
      answer: { status: 307 },
    });
  });
});

it("what is kept may stand in for a registry that fails, not for one that may not be asked", () => {
  const codes: readonly UpstreamErrorCode[] = [
    "DNS",
    "CONNECT",
    "TLS",
    "TIMEOUT",
    "RESET",
    "DOWN",
    "PROTOCOL",
  ];
  for (const code of codes) expect(isExcuse(new UpstreamError(code, "", ""))).toBe(true);
  for (const code of ["FORBIDDEN", "REDIRECT", "TOO_LARGE", "ABORTED"] as const)
    expect(isExcuse(new UpstreamError(code, "", ""))).toBe(false);
  expect(isExcuse(new Error("bug"))).toBe(false);
});
