import { describe, expect, it } from "vitest";
import { scopesOf } from "../../../src/upstream/client/request-facts.ts";

describe("scopesOf", () => {
  it.each([
    ["/v2/library/alpine/manifests/3.20", ["repository:library/alpine:pull"]],
    [
      "/v2/a/b/c/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000?x=y",
      ["repository:a/b/c:pull"],
    ],
    ["/v2/a/tags/list?n=5", ["repository:a:pull"]],
    [
      "/v2/a/referrers/sha256:0000000000000000000000000000000000000000000000000000000000000000",
      ["repository:a:pull"],
    ],
    ["/v2/a/blobs/uploads/", ["repository:a:pull"]],
    ["/v2/", []],
    ["/v2/_catalog", []],
    ["/token?scope=repository:a:pull", []],
    ["/v2/A/manifests/x", []],
    ["/v2/?x=/manifests/", []],
  ])("%s needs %o", (target, expected) => {
    expect(scopesOf(target)).toEqual(expected);
  });
});
