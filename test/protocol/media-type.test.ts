import { describe, expect, it } from "vitest";
import {
  acceptsType,
  bareMediaType,
  dockerManifest,
  isIndexType,
  isManifestType,
  isSignedSchema1,
  ociIndex,
  ociManifest,
  parseAccept,
  resolveAccept,
} from "../../src/protocol/media-type.ts";

describe("an Accept set", () => {
  it("is one value however dockerd shuffles its lines", () => {
    const lines = [ociIndex, dockerManifest, ociManifest, "application/json"];
    const set = parseAccept(lines);
    expect(parseAccept([...lines].reverse())).toBe(set);
    expect(parseAccept([lines.join(", ")])).toBe(set);
    expect(parseAccept([lines.join(",").toUpperCase(), ociIndex])).toBe(set);
  });

  it.each<[string[], string]>([
    [[], "*/*"],
    [[""], "*/*"],
    [[" , ,"], "*/*"],
    [["b/b;q=0.5, a/a;charset=x"], "a/a,b/b"],
    [["a/a;q=0, b/b;q=0.000, c/c; Q = 0.001"], "c/c"],
    [["a/a, */*"], "*/*,a/a"],
  ])("of %j is %s", (lines, set) => {
    expect(parseAccept(lines)).toBe(set);
  });

  it("says which types the client can read", () => {
    const set = parseAccept([`${ociIndex}, image/*`]);
    expect(acceptsType(set, ociIndex)).toBe(true);
    expect(acceptsType(set, "image/png")).toBe(true);
    expect(acceptsType(set, ociManifest)).toBe(false);
    expect(acceptsType(set, "vnd.oci.image.index.v1+json")).toBe(false);
    expect(acceptsType(parseAccept([]), ociManifest)).toBe(true);
    expect(acceptsType(parseAccept(["application/json"]), ociManifest)).toBe(false);
  });

  it("of our own resolving accepts indexes and manifests, OCI's and Docker's", () => {
    const set = parseAccept([resolveAccept]);
    expect(set.split(",")).toHaveLength(4);
    expect(set.split(",").every(isManifestType)).toBe(true);
    expect(set.split(",").filter(isIndexType)).toHaveLength(2);
  });
});

describe("a media type", () => {
  it("loses its parameters", () => {
    expect(bareMediaType(" Application/JSON ; charset=utf-8")).toBe("application/json");
    expect(bareMediaType("")).toBe("");
  });

  it("is a manifest's or not, and signed schema 1 or not", () => {
    expect(isManifestType("application/vnd.docker.distribution.manifest.v1+prettyjws")).toBe(true);
    expect(isSignedSchema1("application/vnd.docker.distribution.manifest.v1+prettyjws")).toBe(true);
    expect(isSignedSchema1("application/vnd.docker.distribution.manifest.v1+json")).toBe(false);
    expect(isManifestType("text/html")).toBe(false);
    expect(isManifestType("application/json")).toBe(false);
  });
});
