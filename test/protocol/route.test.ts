import { describe, expect, it } from "vitest";
import { parseRoute } from "../../src/protocol/route.ts";
import { timeSpent } from "../support/longest-turn.ts";

const digest = `sha256:${"ab".repeat(32)}`;

describe("a path asks", () => {
  it.each<[string, string, object]>([
    ["GET", "/v2/", { kind: "ping" }],
    ["GET", "/v2/_catalog", { kind: "catalog" }],
    ["GET", `/v2/a/b/blobs/${digest}`, { kind: "blob", repository: "a/b", digest }],
    [
      "GET",
      "/v2/a/manifests/latest",
      { kind: "manifest", repository: "a", reference: { kind: "tag", tag: "latest" } },
    ],
    [
      "HEAD",
      `/v2/a/manifests/${digest}`,
      { kind: "manifest", repository: "a", reference: { kind: "digest", digest } },
    ],
    ["GET", "/v2/a/tags/list", { kind: "tags", repository: "a" }],
    ["GET", `/v2/a/referrers/${digest}`, { kind: "referrers", repository: "a", digest }],
    ["POST", "/v2/a/blobs/uploads/", { kind: "upload-start", repository: "a" }],
    ["POST", "/v2/a/blobs/uploads", { kind: "upload-start", repository: "a" }],
    [
      "PATCH",
      "/v2/a/blobs/uploads/4f-2_x=",
      { kind: "upload", repository: "a", session: "4f-2_x=" },
    ],
    // Repositories may be called like parts of the API.
    ["GET", "/v2/manifests/manifests/manifests", { kind: "manifest", repository: "manifests" }],
    ["GET", "/v2/a/manifests/tags/list", { kind: "tags", repository: "a/manifests" }],
    ["GET", `/v2/blobs/uploads/blobs/${digest}`, { kind: "blob", repository: "blobs/uploads" }],
    ["GET", "/v2/tags/list/manifests/v1", { kind: "manifest", repository: "tags/list" }],
    // What the spec allows and nobody here can verify is for the upstream to answer.
    ["GET", `/v2/a/blobs/sha384:${"a".repeat(96)}`, { kind: "other" }],
    ["GET", "/v2/a/manifests/sha256+b64:LCa0a2j_xo", { kind: "other" }],
    ["GET", "/v2/_oci/ext/discover", { kind: "other" }],
    ["GET", "/v2/token", { kind: "other" }],
    ["GET", "/v2/auth", { kind: "other" }],
    ["GET", "/v2", { kind: "outside" }],
    ["GET", "/v2x/", { kind: "outside" }],
    ["GET", "/v2x/../v3/x", { kind: "outside" }],
    ["GET", "/artifactory/api/docker/x/v2/a/manifests/1", { kind: "outside" }],
    ["GET", "/", { kind: "outside" }],
    ["GET", "/token", { kind: "outside" }],
    ["GET", "/artifacts-downloads/x/../y", { kind: "outside" }],
  ])("%s %s", (method, path, route) => {
    expect(parseRoute(method, path)).toMatchObject(route);
  });
});

describe("a path is refused", () => {
  it.each<[string, string, number]>([
    ["/v2/A/manifests/latest", "NAME_INVALID", 400],
    ["/v2//manifests/latest", "NAME_INVALID", 400],
    ["/v2/a//b/manifests/latest", "NAME_INVALID", 400],
    ["/v2/a%2fb/manifests/latest", "NAME_INVALID", 404],
    ["/v2/a%00/manifests/latest", "NAME_INVALID", 404],
    [`/v2/${"a".repeat(256)}/manifests/latest`, "NAME_INVALID", 400],
    ["/v2/../manifests/latest", "NAME_INVALID", 404],
    ["/v2/a/../b/manifests/latest", "NAME_INVALID", 404],
    ["/v2/a/%2e%2E/manifests/latest", "NAME_INVALID", 404],
    ["/v2/a/.%2e/x", "NAME_INVALID", 404],
    ["/v2/..", "NAME_INVALID", 404],
    ["/v2/./a", "NAME_INVALID", 404],
    ["/v2/a\\b/manifests/latest", "NAME_INVALID", 404],
    ["/v2/a/manifests/-x", "TAG_INVALID", 400],
    [`/v2/a/manifests/${"x".repeat(129)}`, "TAG_INVALID", 400],
    ["/v2/a/manifests/a%20b", "TAG_INVALID", 400],
    ["/v2/a/manifests/sha256:baddigeststring", "DIGEST_INVALID", 400],
    [`/v2/a/blobs/${digest.toUpperCase()}`, "DIGEST_INVALID", 400],
    [`/v2/a/blobs/sha256:${"AB".repeat(32)}`, "DIGEST_INVALID", 400],
    [`/v2/a/blobs/sha512:${"ab".repeat(32)}`, "DIGEST_INVALID", 400],
    ["/v2/a/blobs/latest", "DIGEST_INVALID", 400],
    ["/v2/a/referrers/latest", "DIGEST_INVALID", 400],
    ["/v2/a/blobs/uploads", "DIGEST_INVALID", 400],
    ["/v2/A/tags/list", "NAME_INVALID", 400],
    ["/v2/A/blobs/uploads/", "NAME_INVALID", 400],
  ])("%s: %s %i", (path, code, status) => {
    expect(parseRoute("GET", path)).toMatchObject({ kind: "invalid", code, status });
  });

  it("with a message that is printable and short", () => {
    const route = parseRoute("GET", `/v2/${"\u001b[31mX".repeat(100)}/manifests/latest`);
    expect(route).toMatchObject({ message: expect.stringMatching(/^[\x20-\x7e]{1,140}$/) });
  });

  it("in linear time, however long", () => {
    const spent = timeSpent(() => {
      for (const piece of ["a/", "a-", "manifests/", "blobs/uploads/", "%2e/"]) {
        parseRoute("GET", `/v2/${piece.repeat(800)}!`);
      }
    });
    expect(spent).toBeLessThan(200);
  });
});

it.each([
  "//v2/a/manifests/1",
  "/./v2/a/manifests/1",
  "/x/../v2/a/manifests/1",
  "/x/%2e%2e/v2/a/manifests/1",
  "/%76%32/a/manifests/1",
  "/%2576%2532/a/manifests/1",
  "/V2/a/manifests/1",
  "/%2fv2/a/manifests/1",
  "/\\v2\\a\\manifests\\1",
  "/v2%2fa/manifests/1",
])("%s is no way around the registry API", (path) => {
  expect(parseRoute("GET", path).kind).toBe("invalid");
});
