import { describe, expect, it } from "vitest";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { hasOwnNames, viewedFields, viewedNames } from "../../../src/registry/answer/view.ts";
import { timeSpent } from "../../support/longest-turn.ts";
import { askFor } from "../rig.ts";

const prefixed = askFor("/v2/", {
  door: "mirror",
  view: { repositoryPrefix: "ghcr.io/", namespace: undefined },
});
const withNamespace = askFor("/v2/", {
  door: "mirror",
  view: { repositoryPrefix: "", namespace: "docker.io" },
});

describe("Location and Link", () => {
  it.each([
    ["/v2/a/b/blobs/uploads/1?x=y", "/v2/ghcr.io/a/b/blobs/uploads/1?x=y"],
    ["https://registry.example/v2/a/b", "/v2/ghcr.io/a/b"],
    ["https://REGISTRY.example:443/v2/a/b", "/v2/ghcr.io/a/b"],
    ["https://cdn.example/v2/a/b", "https://cdn.example/v2/a/b"],
    ["https://registry.example:8443/v2/a", "https://registry.example:8443/v2/a"],
    ["//evil.example/v2/a", "//evil.example/v2/a"],
    ["http://registry.example/v2/a", "/v2/ghcr.io/a"],
    ["http://registry.example:8080/v2/a", "http://registry.example:8080/v2/a"],
    ["/artifacts/x", "/artifacts/x"],
    ["relative", "relative"],
  ])("%s is, under a prefix, %s", (location, viewed) => {
    expect(viewedFields(headerList({ location }), prefixed).get("location")).toEqual([viewed]);
  });

  it("lead to the next page through the same door", () => {
    const link = ['</v2/a/tags/list?n=2&last=x>; rel="next"', "</other>; rel=up"];
    expect(viewedFields(headerList({ link }), prefixed).get("link")).toEqual([
      '</v2/ghcr.io/a/tags/list?n=2&last=x>; rel="next"',
      "</other>; rel=up",
    ]);
    const plain = headerList({ link: '<http://registry.example/v2/a/tags/list?n=2>; rel="next"' });
    expect(viewedFields(plain, prefixed).get("link")).toEqual([
      '</v2/ghcr.io/a/tags/list?n=2>; rel="next"',
    ]);
    const viewed = viewedFields(headerList({ link }), withNamespace);
    expect(viewed.get("link")?.[0]).toBe('</v2/a/tags/list?n=2&last=x&ns=docker.io>; rel="next"');
    expect(viewed.get("oci-namespace")).toEqual(["docker.io"]);
  });

  it("stay as they are in the forward proxy", () => {
    const headers = headerList({ location: "https://registry.example/v2/a", link: "</v2/a>" });
    expect(viewedFields(headers, askFor("/v2/"))).toBe(headers);
  });
});

describe("a list of names", () => {
  const view = (value: unknown) =>
    JSON.parse(Buffer.from(viewedNames(Buffer.from(JSON.stringify(value)), prefixed)).toString());

  it("has the prefix where it names repositories", () => {
    expect(view({ name: "a/b", tags: ["name"] })).toEqual({ name: "ghcr.io/a/b", tags: ["name"] });
    expect(view({ repositories: ["a", "b/c"] })).toEqual({
      repositories: ["ghcr.io/a", "ghcr.io/b/c"],
    });
  });

  it.each(["[1]", "null", "{", "", `[${"[".repeat(99)}${"]".repeat(100)}`])(
    "that is %j stays as it is",
    (text) => {
      expect(Buffer.from(viewedNames(Buffer.from(text), prefixed)).toString()).toBe(text);
    },
  );

  it("leaves library/ away where the client did", () => {
    const its = { repositoryPrefix: "", isLibraryImplied: true, namespace: undefined };
    const short = askFor("/v2/", { door: "mirror", view: its });
    const list = Buffer.from(JSON.stringify({ name: "library/alpine", tags: ["library/x"] }));
    expect(hasOwnNames(short)).toBe(true);
    expect(JSON.parse(Buffer.from(viewedNames(list, short)).toString())).toEqual({
      name: "alpine",
      tags: ["library/x"],
    });
  });

  it("is only rewritten where the client has names of its own", () => {
    expect([prefixed, withNamespace, askFor("/v2/")].map(hasOwnNames)).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("a Link that was made to be slow", () => {
  it("holds the loop up no longer than an honest one", () => {
    const link = ["<".repeat(120_000)];
    expect(timeSpent(() => viewedFields(headerList({ link }), prefixed))).toBeLessThan(100);
  });
});
