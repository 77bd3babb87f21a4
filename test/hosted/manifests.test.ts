import { describe, expect, it } from "vitest";
import { ociManifest } from "../../src/protocol/media-type.ts";
import { parseReference, parseRepositoryName } from "../../src/protocol/reference.ts";
import { amongOthers, memoryOf } from "../support/memory-of.ts";
import { HostedRig } from "./rig.ts";

describe("many small manifests that were pushed among much else", () => {
  it("take the memory that they are long", async () => {
    const rig = await HostedRig.open();
    const digest = await rig.pushBlob("team/app", Buffer.from("{}"));
    const repository = parseRepositoryName("team/app");
    const config = { mediaType: "application/json", digest, size: 2 };
    const kept: Uint8Array[] = [];
    for (let index = 0; index < 50; index += 1) {
      const tag = `t${index}`;
      const document = { schemaVersion: 2, mediaType: ociManifest, config, layers: [] };
      amongOthers(tag);
      await rig.pushManifest("team/app", tag, { ...document, annotations: { tag } });
      const reference = parseReference(tag);
      if (repository === undefined || reference === undefined) throw new Error("no reference");
      kept.push((await rig.manifests.pull(repository, reference, false)).bytes);
    }
    const length = kept.reduce((sum, bytes) => sum + bytes.length, 0);
    expect(memoryOf(kept)).toBeLessThan(2 * length);
  });
});
