/** A small image of a config and layers, put into a fake registry. */
import { randomBytes } from "node:crypto";
import type { Digest } from "../../../src/protocol/digest.ts";
import type { FakeRegistry } from "../../support/fake-registry.ts";

export type Image = {
  readonly repository: string;
  readonly tag: string;
  readonly manifest: Digest;
  readonly config: Digest;
  readonly layer: Digest;
  readonly layerBytes: Buffer;
};

export const manifestType = "application/vnd.oci.image.manifest.v1+json";

export function addImage(
  server: FakeRegistry,
  repository: string,
  { tag = "1", layerBytes = randomBytes(300_000) } = {},
): Image {
  const configBytes = Buffer.from(JSON.stringify({ of: repository, tag, salt: Math.random() }));
  const config = server.addBlob(configBytes);
  const layer = server.addBlob(layerBytes);
  const manifest = server.addManifest(repository, tag, {
    ...{ schemaVersion: 2, mediaType: manifestType },
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      ...{ digest: config, size: configBytes.length },
    },
    layers: [
      {
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
        ...{ digest: layer, size: layerBytes.length },
      },
    ],
  });
  return { ...{ repository, tag, manifest, config, layer, layerBytes } };
}
