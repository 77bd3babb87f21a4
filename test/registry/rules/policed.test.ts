import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/protocol/digest.ts";
import { ociIndex, ociManifest } from "../../../src/protocol/media-type.ts";
import { type ImageLists, ImagePolicy } from "../../../src/registry/rules/image-policy.ts";
import { contentOf, startRig, upstreamAnswer } from "../rig.ts";

const layer = digestOf(Buffer.from("layer"));
const image = Buffer.from(
  JSON.stringify({
    ...{ schemaVersion: 2, mediaType: ociManifest },
    config: { mediaType: "x/y", digest: layer, size: 5 },
    layers: [],
  }),
);
const index = Buffer.from(
  JSON.stringify({
    ...{ schemaVersion: 2, mediaType: ociIndex },
    manifests: [{ mediaType: ociManifest, digest: digestOf(image), size: image.length }],
  }),
);
const inMemory = (bytes: Buffer) => ({
  place: { kind: "memory" } as const,
  ...{ size: bytes.length, bytes, close: async () => undefined },
  read: async (buffer: Uint8Array) => bytes.copy(buffer),
});

/** Every tag means the index; every blob is there. */
async function start(lists: Partial<ImageLists>) {
  const rules = new ImagePolicy({ allow: [], deny: [], ...lists });
  const rig = await startRig({
    parts: { rules },
    send: async () => upstreamAnswer(202),
    blob: async () => contentOf(Buffer.from("layer")),
    manifest: async ({ reference }) => {
      const isImage = reference.kind === "digest" && reference.digest === digestOf(image);
      const [bytes, mediaType] = isImage ? [image, ociManifest] : [index, ociIndex];
      return contentOf(bytes, { mediaType, source: inMemory(bytes) });
    },
  });
  const status = async (path: string, method = "GET") =>
    (await rig.fetch(`/v2/${path}`, { method })).status;
  return { ...rig, status };
}

const denyApp = { deny: [{ text: "registry.example/team/app", repository: "team/app" }] };

describe("a denied repository", () => {
  it.each([
    ["GET", "manifests/latest"],
    ["HEAD", "manifests/latest"],
    ["GET", `manifests/${digestOf(index)}`],
    ["GET", `blobs/${layer}`],
    ["HEAD", `blobs/${layer}`],
    ["GET", "tags/list"],
    ["GET", `referrers/${layer}`],
    ["POST", "blobs/uploads/"],
    ["PATCH", "blobs/uploads/session"],
    ["PUT", "manifests/latest"],
    ["PUT", `manifests/${digestOf(index)}`],
    ["DELETE", `blobs/${layer}`],
    ["GET", "blobs/blake3:00ff"],
    ["GET", "blobs/upload/session"],
    ["PUT", "blobs/uploads/a/manifests/1"],
  ])("%s %s is answered 403, and nobody is asked", async (method, path) => {
    const { status, sent } = await start(denyApp);
    expect(await status(`team/app/${path}`, method)).toBe(403);
    expect(sent).toEqual([]);
  });

  it("says which rule and which setting, in the body and in the status line", async () => {
    const { fetch, events } = await start(denyApp);
    const { text, reason } = await fetch("/v2/team/app/manifests/1");
    const [error] = JSON.parse(text).errors;
    expect(error).toEqual({
      code: "DENIED",
      message:
        'POLICY on the proxy denies "registry.example/team/app", and so registry.example/team/app:1',
      detail: { setting: "POLICY", rule: "registry.example/team/app" },
    });
    expect(reason).toBe(error.message);
    expect(events[0]).toMatchObject({ status: 403, error: { code: "DENIED" } });
    expect(events[0]?.why).toEqual({ reason: "policy" });
  });

  it("leaves the others, pings and everything outside alone", async () => {
    const { status, fetch } = await start(denyApp);
    expect(await status("team/other/manifests/1")).toBe(200);
    expect(await status(`team/other/blobs/${layer}`)).toBe(200);
    expect(await status("")).toBe(200);
    expect(await status("_catalog")).toBe(202);
    expect((await fetch("/token")).status).toBe(202);
    // The registry's own paths are all or nothing: what they lead to nobody can tell.
    expect(await status("ext/discover")).toBe(403);
  });
});

describe("an allowed tag", () => {
  const allow = [{ text: "registry.example/team/app:v*", repository: "team/app", tag: "v*" }];

  it("leads to its image by digest, and no other does", async () => {
    const { status } = await start({ allow });
    const digest = digestOf(index);
    const child = digestOf(image);
    expect(await status(`team/app/manifests/${digest}`)).toBe(403);
    expect(await status("team/app/manifests/latest")).toBe(403);
    expect(await status("team/app/manifests/v1", "HEAD")).toBe(200);
    expect(await status(`team/app/manifests/${child}`)).toBe(200);
    expect(await status(`team/app/manifests/${digest}`)).toBe(200);
    expect(await status(`team/app/blobs/${layer}`)).toBe(200);
    expect(await status(`team/app/blobs/${digestOf(Buffer.from("other"))}`)).toBe(403);
    expect(await status(`team/other/manifests/${digest}`)).toBe(403);
    expect(await status("team/app/tags/list")).toBe(202);
  });

  it("is refused in words that say what is allowed", async () => {
    const { fetch } = await start({ allow });
    const message = async (path: string) =>
      JSON.parse((await fetch(`/v2/${path}`)).text).errors[0].message;
    expect(await message("team/app/manifests/latest")).toBe(
      "POLICY on the proxy allows nothing that fits registry.example/team/app:latest",
    );
    expect(await message(`team/app/blobs/${layer}`)).toBe(
      `POLICY on the proxy allows tags of this repository alone, and none has led to registry.example/team/app@${layer}`,
    );
  });

  it("may be pushed, blobs first, and under no other name", async () => {
    const { status } = await start({ allow });
    expect(await status("team/app/blobs/uploads/", "POST")).toBe(202);
    expect(await status("team/app/manifests/v2", "PUT")).toBe(202);
    expect(await status("team/app/manifests/latest", "PUT")).toBe(403);
    expect(await status(`team/app/manifests/${layer}?tag=v3`, "PUT")).toBe(202);
    expect(await status(`team/app/manifests/${layer}?tag=v3&tag=latest`, "PUT")).toBe(403);
  });
});
