import { describe, expect, it } from "vitest";
import type { ManifestAsk } from "../../../src/cache/pull-ask.ts";
import { dockerManifest, ociIndex, ociManifest } from "../../../src/protocol/media-type.ts";
import { bytesOf, contentOf, startRig } from "../rig.ts";

const manifest = contentOf(bytesOf(100), { mediaType: ociIndex });

describe("a client asking for a manifest", () => {
  it("gets it with the type it was pushed with", async () => {
    const rig = await startRig({ manifest: async () => manifest });
    const answer = await rig.fetch("/v2/a/manifests/3.20");
    expect(answer.headers["content-type"]).toBe(ociIndex);
    expect(answer.headers["content-length"]).toBe("100");
    expect(rig.events).toMatchObject([{ repository: "a", what: "3.20", route: "manifest" }]);
  });

  it("is known by the set of types it accepts, whatever their order and lines", async () => {
    const asked: ManifestAsk[] = [];
    const rig = await startRig({
      manifest: async (ask) => {
        asked.push(ask);
        return manifest;
      },
    });
    const digest = manifest.digest;
    await rig.fetch("/v2/a/manifests/3.20", {
      headers: { accept: [ociIndex, dockerManifest, ociManifest] },
    });
    await rig.fetch(`/v2/a/manifests/${digest}`, {
      headers: { accept: `${ociManifest}, ${ociIndex},${dockerManifest}` },
      method: "HEAD",
    });
    expect(asked).toMatchObject([
      { reference: { kind: "tag", tag: "3.20" }, isHead: false },
      { reference: { kind: "digest", digest }, isHead: true },
    ]);
    expect(asked[0]?.accept).toBe(asked[1]?.accept);
  });
});
