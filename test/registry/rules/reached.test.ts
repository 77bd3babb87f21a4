import { expect, it } from "vitest";
import { digestOf } from "../../../src/protocol/digest.ts";
import { ociManifest } from "../../../src/protocol/media-type.ts";
import { parseRepositoryName, type RepositoryName } from "../../../src/protocol/reference.ts";
import { Reached } from "../../../src/registry/rules/reached.ts";
import { contentOf, passedOf, registryOf, upstreamAnswer } from "../rig.ts";

const registry = registryOf("ghcr.io");
const place = { registry, repository: parseRepositoryName("team/app") as RepositoryName };
const elsewhere = { registry, repository: parseRepositoryName("team/other") as RepositoryName };
const layer = digestOf(Buffer.from("layer"));
const config = digestOf(Buffer.from("config"));
const other = digestOf(Buffer.from("other"));
const bytes = Buffer.from(
  JSON.stringify({
    ...{ schemaVersion: 2, mediaType: ociManifest },
    config: { mediaType: "x/y", digest: config, size: 6 },
    layers: [{ mediaType: "x/y", digest: layer, size: 5 }],
  }),
);
const manifest = digestOf(bytes);
const inMemory = {
  place: { kind: "memory" },
  size: bytes.length,
  bytes,
  read: async () => 0,
  close: async () => undefined,
} as const;

it("a manifest leads to what it lists, in its own repository", () => {
  const reached = new Reached();
  expect(reached.has(place, manifest)).toBe(false);
  reached.learn(place, contentOf(bytes, { mediaType: ociManifest, source: inMemory }));
  expect([manifest, config, layer].map((digest) => reached.has(place, digest))).toEqual([
    true,
    true,
    true,
  ]);
  expect(reached.has(place, other)).toBe(false);
  expect(reached.has(elsewhere, layer)).toBe(false);
});

it("an answer without bytes leads to its digest alone", () => {
  const reached = new Reached();
  reached.learn(place, contentOf(bytes, { mediaType: ociManifest }));
  expect([manifest, layer].map((digest) => reached.has(place, digest))).toEqual([true, false]);
});

it("an answer passed on leads to the digest it names, when it is one", () => {
  const reached = new Reached();
  const fields = { "docker-content-digest": manifest };
  reached.learn(place, passedOf(upstreamAnswer(404, fields)));
  expect(reached.has(place, manifest)).toBe(false);
  reached.learn(place, passedOf(upstreamAnswer(200)));
  reached.learn(place, passedOf(upstreamAnswer(200, fields)));
  expect(reached.has(place, manifest)).toBe(true);
  reached.learn(place, { kind: "own", status: 200, headers: new Map(), body: bytes });
});
