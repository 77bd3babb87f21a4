import { describe, expect, it } from "vitest";
import { type HeaderList, headerList } from "../../../src/protocol/http/header-list.ts";
import { ownRequest } from "../../../src/upstream/auth/own-request.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const asked = (target: string, method = "GET", headers: HeaderList = new Map()) =>
  ownRequest({ method, target, headers });

describe("a login of ours goes with", () => {
  it.each([
    ["/v2/", "/v2/"],
    ["/v2/?a=b", "/v2/"],
    ["/v2/a%2Fb/manifests/1?_method=PUT", "/v2/a/b/manifests/1"],
    [`/v2/a/blobs/${digest}?x=y`, `/v2/a/blobs/${digest}`],
    ["/v2/a/tags/list?n=5&last=b%2Fc&ns=x", "/v2/a/tags/list?n=5&last=b%2Fc"],
    [
      `/v2/a/referrers/${digest}?artifactType=x%2By`,
      `/v2/a/referrers/${digest}?artifactType=x%2By`,
    ],
    ["/v2/_catalog?n=5;_method=DELETE&_METHOD=PUT&%5Fmethod=x&last=a", "/v2/_catalog?last=a"],
    [`/extensions/v2/a/signatures/${digest}`, `/extensions/v2/a/signatures/${digest}`],
    ["/v2/a/blobs/blake3:00ff", "/v2/a/blobs/blake3:00ff"],
  ])("%s, as %s", (target, printed) => {
    expect(asked(target)?.target).toBe(printed);
    expect(asked(target, "HEAD")).toMatchObject({ target: printed, isForTokensOnly: false });
  });

  it("what is read under a path prefix, if it is a token", () => {
    expect(asked("/artifactory/api/docker/r/v2/a/manifests/1?x=y")).toMatchObject({
      ...{ target: "/artifactory/api/docker/r/v2/a/manifests/1", isForTokensOnly: true },
    });
  });

  it("no field but those that a pull needs", () => {
    const headers = headerList({
      ...{ accept: "x/y", "accept-encoding": "identity", range: "bytes=0-", "user-agent": "z" },
      ...{ "if-none-match": '"x"', cookie: "a=b", "x-original-url": "/admin", via: "1.1 x" },
      ...{ "x-http-method-override": "DELETE", authorization: "Basic x", forwarded: "for=x" },
    });
    expect([...(asked("/v2/", "GET", headers)?.headers.keys() ?? [])]).toEqual([
      ...["accept", "accept-encoding", "range", "user-agent", "if-none-match"],
    ]);
  });
});

describe("no login of ours goes with", () => {
  it.each([
    ["GET", "/v2/a/blobs/uploads/1"],
    ["GET", "/v2/_zot/ext/search"],
    ["GET", "/v2/token"],
    ["GET", "/v2/a/tags/other"],
    ["GET", "/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e"],
    ["GET", "/v2/a/blobs/sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"],
    ["GET", "/v2/a/manifests/x:blake3:00ff"],
    ["GET", "/v2/..%2fadmin"],
    ["GET", "/v2/a/../manifests/1"],
    ["GET", "/v2"],
    ["GET", "/admin"],
    ["GET", "/x/../y/v2/a/manifests/1"],
    ["GET", "/x%2f/v2/a/manifests/1"],
    ["GET", "/x/v2/a/blobs/uploads/1"],
    ["GET", "/x/v2/_catalog"],
    ["POST", "/v2/a/blobs/uploads/"],
    ["PUT", "/v2/a/manifests/1"],
    ["DELETE", "/v2/a/manifests/1"],
    ["OPTIONS", "/v2/a/manifests/1"],
  ])("%s %s", (method, target) => {
    expect(asked(target, method)).toBeUndefined();
  });
});
