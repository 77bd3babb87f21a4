import { describe, expect, it } from "vitest";
import { maxManifestBytes, readManifest } from "../../src/protocol/manifest.ts";
import {
  dockerList,
  dockerManifest,
  ociIndex,
  ociManifest,
} from "../../src/protocol/media-type.ts";
import { timeSpent } from "../support/longest-turn.ts";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const descriptor = (letter: string, mediaType = "application/vnd.oci.image.layer.v1.tar+gzip") => ({
  mediaType,
  digest: digest(letter),
  size: 7,
});

function read(value: unknown, mediaType: string = ociManifest) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return readManifest(Buffer.from(text), mediaType);
}

const image = { schemaVersion: 2, config: descriptor("c"), layers: [descriptor("a")] };

describe("a manifest", () => {
  it("lists its config and layers", () => {
    const manifest = read({ ...image, mediaType: dockerManifest }, dockerManifest);
    expect(manifest).toMatchObject({ kind: "image", mediaType: dockerManifest });
    expect(manifest?.references.map((reference) => reference.digest)).toEqual([
      digest("c"),
      digest("a"),
    ]);
    expect(manifest?.references.every(({ kind }) => kind === "blob")).toBe(true);
  });

  it("lists an index's manifests, of every architecture and attestations too", () => {
    const index = read({ manifests: [descriptor("a", ociManifest), descriptor("b")] }, ociIndex);
    expect(index?.kind).toBe("index");
    expect(index?.references.map(({ kind }) => kind)).toEqual(["manifest", "manifest"]);
  });

  it("names its subject", () => {
    expect(read({ ...image, subject: descriptor("5") })?.subject).toBe(digest("5"));
    expect(read(image)?.subject).toBeUndefined();
  });

  it("says which layers a registry need not hold", () => {
    const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    const manifest = read({ ...image, layers: [descriptor("f", foreign), descriptor("a")] });
    expect(manifest?.references.map((reference) => reference.isDistributable)).toEqual([
      true,
      false,
      true,
    ]);
  });

  it.each<[string, unknown, string?]>([
    ["without layers", { config: descriptor("c") }],
    ["with fields nobody knows", { ...image, x: { y: [1] } }],
    [
      "with sha512 digests",
      { ...image, layers: [{ ...descriptor("a"), digest: `sha512:${"a".repeat(128)}` }] },
    ],
    ["an empty index", { manifests: [] }, ociIndex],
    ["an index without manifests", { schemaVersion: 2 }, dockerList],
    ["with parameters on its type", image, `${ociManifest}; charset=utf-8`],
    ["with brackets in strings", { ...image, annotations: { a: '[[[[{{{{\\"[' } }],
  ])("may be %s", (_, value, mediaType) => {
    expect(read(value, mediaType)).toBeDefined();
  });

  it.each<[string, unknown, string?]>([
    ["HTML", "<html>"],
    ["an array", "[]"],
    ["null", "null"],
    ["cut short", JSON.stringify(image).slice(0, -1)],
    ["of a type that is no manifest's", image, "application/json"],
    ["of another type than it says", { ...image, mediaType: dockerManifest }],
    ["an image and an index at once", { ...image, manifests: [] }],
    ["an index and an image at once", { manifests: [], layers: [] }, ociIndex],
    ["schema 1 under another name", { ...image, fsLayers: [] }],
    ["without a config", { layers: [] }],
    ["with a bad digest", { ...image, layers: [{ ...descriptor("a"), digest: "sha256:x" }] }],
    ["with an upper-case digest", { ...image, config: descriptor("A") }],
    ["with a negative size", { ...image, config: { ...descriptor("c"), size: -1 } }],
    ["with a size that is no number", { ...image, config: { ...descriptor("c"), size: "7" } }],
    [
      "with a size that is no whole number",
      { ...image, config: { ...descriptor("c"), size: 1e300 } },
    ],
    ["with layers that are no list", { ...image, layers: { length: 1 } }],
    ["of 10,001 layers", { ...image, layers: Array(10_001).fill(descriptor("a")) }],
    ["of half a million empty objects", `{"config":[${"{},".repeat(500_000)}{}]}`],
    ["of half a million keys", `{${'"a":1,'.repeat(500_000)}"b":1}`],
    ["nested 65 deep", `{"config":${"[".repeat(64)}`],
    ["with bytes that are no UTF-8", Buffer.from([0x7b, 0xff, 0x7d]).toString("latin1")],
  ])("may not be %s", (_, value, mediaType) => {
    expect(read(value, mediaType)).toBeUndefined();
  });

  it("may not be larger than 4 MiB", () => {
    const pad = (length: number) => Buffer.from(JSON.stringify(image).padEnd(length));
    expect(readManifest(pad(maxManifestBytes), ociManifest)).toBeDefined();
    expect(readManifest(pad(maxManifestBytes + 1), ociManifest)).toBeUndefined();
  });

  it("is refused quickly when it is 4 MiB of brackets", () => {
    const bomb = Buffer.alloc(maxManifestBytes, "[");
    expect(readManifest(bomb, ociManifest)).toBeUndefined();
    expect(timeSpent(() => readManifest(bomb, ociManifest))).toBeLessThan(100);
  });
});
