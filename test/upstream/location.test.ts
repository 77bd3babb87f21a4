import { describe, expect, it } from "vitest";
import { headerList } from "../../src/protocol/http/header-list.ts";
import { isManifestPlace, tooManyHops } from "../../src/upstream/client/redirects.ts";
import { isSameOrigin, nextPlace, type Place } from "../../src/upstream/location.ts";

const from: Place = {
  scheme: "https",
  address: { host: "reg.test", port: 5000 },
  target: "/v2/a/b/blobs/sha256:0?x=1",
};

const follow = (location: string | undefined, place: Place = from, registry = place.scheme) =>
  nextPlace(place, headerList({ location }), registry);

describe("the place a redirect leads to", () => {
  it.each([
    ["https://cdn.test/b?sig=a%2Bb%3D&x='y", "cdn.test", 443, "/b?sig=a%2Bb%3D&x='y"],
    ["https://cdn.test:8443", "cdn.test", 8443, "/"],
    ["https://CDN.test./b#part", "cdn.test", 443, "/b"],
    ["https://[fd00::1]/b", "fd00::1", 443, "/b"],
    ["//cdn.test/b", "cdn.test", 443, "/b"],
    ["/artifacts-downloads/x?y", "reg.test", 5000, "/artifacts-downloads/x?y"],
    ["other", "reg.test", 5000, "/v2/a/b/blobs/other"],
    ["?x=2", "reg.test", 5000, "/v2/a/b/blobs/sha256:0?x=2"],
    ["", "reg.test", 5000, "/v2/a/b/blobs/sha256:0?x=1"],
    ["https://cdn.test/b?", "cdn.test", 443, "/b?"],
    ["https://cdn.test?x", "cdn.test", 443, "/?x"],
    ["https://cdn.test/a/%2e%2e/b%2Fc/%zz", "cdn.test", 443, "/a/%2e%2e/b%2Fc/%zz"],
    ["https://cdn.test/a//b/./../c;x=1/..", "cdn.test", 443, "/a//"],
    ["../../x/.", "reg.test", 5000, "/v2/a/x/"],
    ["../../../../../../x", "reg.test", 5000, "/x"],
    ["https://cdn.test/caf\xc3\xa9?n=\xc3\xbc", "cdn.test", 443, "/caf%C3%A9?n=%C3%BC"],
    ["https://cdn.test/a b\\c|d", "cdn.test", 443, "/a%20b%5Cc%7Cd"],
    ["HTTPS://cdn.test/b", "cdn.test", 443, "/b"],
  ])("%s", (location, host, port, target) => {
    expect(follow(location)).toEqual({ scheme: "https", address: { host, port }, target });
  });

  it("may be http only where the registry is", () => {
    const plain: Place = { ...from, scheme: "http" };
    expect(follow("http://cdn.test/b", plain)).toMatchObject({
      scheme: "http",
      address: { host: "cdn.test", port: 80 },
    });
    expect(follow("https://cdn.test/b", plain)).toMatchObject({ scheme: "https" });
    expect(() => follow("http://cdn.test/b")).toThrow("reg.test:5000 redirects from https to http");
    // Not by way of a second hop either.
    expect(() => follow("http://cdn.test/b", plain, "https")).toThrow("from https to http");
  });

  it("may have an underscore in its name, as some content networks do", () => {
    expect(follow("https://under_score.test/b")).toMatchObject({
      address: { host: "under_score.test" },
    });
  });

  it.each([
    undefined,
    "https://",
    "https://exa mple.com/",
    "https://user:CANARY-pw@cdn.test/",
    "https://user@cdn.test/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "ftp://cdn.test/b",
    "data:text/plain,x",
    "https://a..b/",
    "https:/\\cdn.test/b",
    "https:cdn.test/b",
    "https:\\\\cdn.test/b",
    "https://cdn.test\\@evil.test/b",
    "https://cdn.test\t/b",
    "ht\ntps://cdn.test/b",
    "https://0x7f.1/b",
    "https://\xe9vil.test/b",
  ])("is refused: %s", (location) => {
    expect(() => follow(location)).toThrow(expect.objectContaining({ code: "REDIRECT" }));
    expect(() => follow(location)).not.toThrow(/CANARY/);
  });
});

describe("redirects", () => {
  it("stay at the same origin only with scheme, host and port", () => {
    expect(isSameOrigin(from, follow("/x"))).toBe(true);
    expect(isSameOrigin(from, follow("https://reg.test/x"))).toBe(false);
    expect(isSameOrigin(from, follow("https://other.test:5000/x"))).toBe(false);
    expect(isSameOrigin({ ...from, scheme: "http" }, from)).toBe(false);
  });

  it.each([
    ["/v2/k8s-artifacts-prod/images/pause/manifests/3.9", true],
    [`/v2/a/manifests/sha256:${"0".repeat(64)}?ns=x`, true],
    ["/v2/a/manifests/sha256:0", false],
    ["/v2/a/%2e%2e/b/manifests/x", false],
    [`/v2/a/blobs/sha256:${"0".repeat(64)}`, false],
    ["/v2/manifests/", false],
    ["/login?next=/v2/a/manifests/b", false],
    ["/v2/?x=/v2/a/manifests/b", false],
    ["/v2/a/manifests/b/c", false],
  ])("to %s lead to a manifest: %s", (target, isOne) => {
    expect(isManifestPlace({ ...from, target })).toBe(isOne);
  });

  it("have an end", () => {
    expect(tooManyHops(from, 5)).toMatchObject({
      code: "REDIRECT",
      message: "reg.test:5000 redirects more than 5 times",
    });
  });
});
