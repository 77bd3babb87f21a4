import { describe, expect, it } from "vitest";
import { printReference } from "../../src/protocol/reference.ts";
import { parseRoute, printRoute } from "../../src/protocol/route.ts";
import { readingsOf } from "../../src/protocol/route-readings.ts";
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
    [
      "PATCH",
      "/v2/a/blobs/uploads/AJ-x_y=~+:@,%3D/z//",
      { kind: "upload", repository: "a", session: "AJ-x_y=~+:@,%3D/z//" },
    ],
    ["PUT", "/v2/a/blobs/upload/4f-2_x", { kind: "upload", word: "upload", session: "4f-2_x" }],
    [
      "GET",
      "/v2/a%2Fb%2fc/manifests/latest",
      { kind: "manifest", repository: "a/b/c", reference: { kind: "tag", tag: "latest" } },
    ],
    [
      "GET",
      `/v2/a/manifests/${digest.replace(":", "%3A")}`,
      { kind: "manifest", repository: "a", reference: { kind: "digest", digest } },
    ],
    ["GET", `/v2/a/blobs/${digest.replace(":", "%3a")}`, { kind: "blob", repository: "a", digest }],
    ["GET", `/extensions/v2/a/b/signatures/${digest}`, { kind: "signatures", repository: "a/b" }],
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
    ["GET", "/artifactory/api/docker/x/v2/a/manifests/1", { kind: "outside" }],
    ["GET", "/", { kind: "outside" }],
    ["GET", "/token", { kind: "outside" }],
  ])("%s %s", (method, path, route) => {
    expect(parseRoute(method, path)).toMatchObject(route);
  });
});

describe("a path is refused", () => {
  it.each<[string, string, number]>([
    ["/v2/A/manifests/latest", "NAME_INVALID", 400],
    ["/v2//manifests/latest", "NAME_INVALID", 404],
    ["/v2/a//b/manifests/latest", "NAME_INVALID", 404],
    ["/v2/a%2fmanifests%2flatest", "NAME_INVALID", 404],
    ["/v2/a%2f..%2fb/manifests/latest", "NAME_INVALID", 400],
    ["/v2/a%2f%2fb/manifests/latest", "NAME_INVALID", 400],
    ["/v2/a%252fb/manifests/latest", "NAME_INVALID", 404],
    ["/v2/..%2fadmin", "NAME_INVALID", 404],
    ["/v2/..;/admin", "NAME_INVALID", 404],
    ["/v2/a;x/manifests/latest", "NAME_INVALID", 404],
    ["/v2/a/manifests/latest/", "NAME_INVALID", 404],
    ["/v2/_oci/a%20b", "NAME_INVALID", 404],
    ["/v2/a/blobs/uploads/x%2f..%2fy", "NAME_INVALID", 404],
    ["/v2/a/blobs/uploads/x%5Cy", "NAME_INVALID", 404],
    ["/v2/a/blobs/uploads/x%252f", "NAME_INVALID", 404],
    ["/v2/a/blobs/uploads/x%2e", "NAME_INVALID", 404],
    ["/v2/a/blobs/uploads/x%0d%0a", "NAME_INVALID", 404],
    ["/v2/a/blobs/uploads/x%zz", "NAME_INVALID", 404],
    ["/v2/a/blobs/uploads/../../b", "NAME_INVALID", 404],
    ["/v2/a/blobs/uploads/x;y", "NAME_INVALID", 404],
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
  "/v2x/../v3/x",
  "/artifacts-downloads/x/../y",
  "/x/a;%252f..%252f../b",
  "/x/%u0076",
  "/%2fv2/a/manifests/1",
  "/\\v2\\a\\manifests\\1",
  "/v2%2fa/manifests/1",
  "/x/./v2/a/manifests/1",
  "/x/v2/./a/manifests/1",
  "/x/v2/a/manifests/./1",
  "/debian/%2e/Packages",
  "/debian/./../Packages",
  "/debian/.;x/Packages",
  "/debian/.",
])("%s is no way around the registry API", (path) => {
  expect(parseRoute("GET", path).kind).toBe("invalid");
});

it.each(["/debian/./Packages", "/a/././b", "/./simple/x/"])(
  "%s, as apt and pip ask, goes as it came",
  (path) => {
    expect(parseRoute("GET", path)).toMatchObject({ kind: "outside", path });
  },
);

describe("a route is printed", () => {
  it.each([
    ["/v2/", "/v2/"],
    ["/v2/_catalog", "/v2/_catalog"],
    [`/v2/a%2Fb/blobs/${digest.replace(":", "%3A")}`, `/v2/a/b/blobs/${digest}`],
    ["/v2/a/manifests/v1", "/v2/a/manifests/v1"],
    ["/v2/a/tags/list", "/v2/a/tags/list"],
    [`/v2/a/referrers/${digest}`, `/v2/a/referrers/${digest}`],
    ["/v2/a/blobs/uploads", "/v2/a/blobs/uploads/"],
    ["/v2/a%2Fb/blobs/uploads/x%3D=/~+:@,", "/v2/a/b/blobs/uploads/x%3D=/~+:@,"],
    ["/v2/a/blobs/upload/x", "/v2/a/blobs/upload/x"],
    ["/v2/a%2Fb/blobs/blake3:00ff", "/v2/a/b/blobs/blake3:00ff"],
    ["/v2/_oci/ext/discover", "/v2/_oci/ext/discover"],
    ["/harbor/a%252Fb;x", "/harbor/a%252Fb;x"],
    ["/v2/A/manifests/1", undefined],
  ])("%s → %s", (path, printed) => {
    expect(printRoute(parseRoute("POST", path))).toBe(printed);
  });
});

describe("a path may be about", () => {
  it.each([
    ["/artifactory/api/docker/r/v2/team/app/manifests/1", ["team/app:1"]],
    ["/repository/r/v2/team%2Fapp/blobs/x", ["team/app"]],
    ["/repository/r/v2/te%61m;x/app/tags/list", ["team/app"]],
    ["/a/v2/b/v2/c/manifests/1", ["b/v2/c:1", "c:1"]],
    ["/a/v2/b/blobs/uploads/x/manifests/1", ["b", "b/blobs/uploads/x:1"]],
    ["/a/v2/B/manifests/1", ["undefined:1"]],
    ["/a/v2/", []],
    ["/v2x/b/manifests/1", []],
  ])("%s: %j", (path, expected) => {
    const found = readingsOf(path).map(({ repository, reference }) =>
      reference === undefined ? String(repository) : `${repository}:${printReference(reference)}`,
    );
    expect(found).toEqual(expected);
  });

  it("no more than sixteen, and the rest is unreadable", () => {
    expect(readingsOf("/v2/a/manifests/b/blobs/".repeat(300)).length).toBe(17);
  });
});
