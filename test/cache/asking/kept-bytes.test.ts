/** Whoever takes in the whole of an answer says so as it comes, or it would count to nobody. */
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { readManifestBody } from "../../../src/cache/asking/manifest-body.ts";
import { readBody, readSmallAnswer } from "../../../src/cache/asking/small-answer.ts";
import type { AnswerBody, RegistryResponse } from "../../../src/upstream/registry-client.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";

const KiB = 1024;

function answer(keeps: (bytes: number, body: AnswerBody) => void): RegistryResponse {
  const pieces = Array.from({ length: 4 }, () => Buffer.alloc(100 * KiB, " "));
  const body: AnswerBody = Readable.from(pieces);
  body.keeps = (bytes) => keeps(bytes, body);
  return { status: 200, headers: new Map(), body };
}

const readers: readonly (readonly [string, (response: RegistryResponse) => Promise<unknown>])[] = [
  ["a manifest", readManifestBody],
  ["a list", (response) => readBody(response, 1024 * KiB)],
  ["a refusal", (response) => readSmallAnswer(response, "GET")],
];

it.each(readers)("%s is said to be kept as it comes", async (_what, read) => {
  const said: number[] = [];
  await read(answer((bytes) => void said.push(bytes)));
  expect(said).toEqual([100, 200, 300, 400].map((count) => count * KiB));
});

it.each(readers)("%s that is one too many ends with that error", async (_what, read) => {
  const busy = new UpstreamError("BUSY", "registry.test", "too much at once");
  const response = answer((bytes, body) => void (bytes > 250 * KiB && body.destroy(busy)));
  await expect(read(response)).rejects.toBe(busy);
});
