import { expect, it } from "vitest";
import { PrefixHash } from "../../src/download/prefix-hash.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import { hashHere } from "../../src/runtime/hashing.ts";
import { eventually } from "../support/eventually.ts";

it("a single byte that somebody fetched ahead does not make the hash go on byte by byte", async () => {
  const bytes = Buffer.alloc(1024 * 1024, "layer ");
  let there = 1;
  const lengths: number[] = [];
  const first = Promise.withResolvers<void>();
  const hash = new PrefixHash({
    ...{ digest: digestOf(bytes), beginHash: hashHere },
    endOf: (position) => Math.max(position, there),
    read: async (buffer, position) => {
      lengths.push(buffer.length);
      if (lengths.length === 1) await first.promise;
      return bytes.copy(buffer, 0, position, Math.min(there, position + buffer.length));
    },
    onMoved: () => undefined,
    onFailed: (error) => expect.unreachable(String(error)),
  });
  hash.follow();
  there = bytes.length;
  first.resolve();
  await eventually(() => expect(hash.mark).toBe(bytes.length));
  expect(await hash.isRight()).toBe(true);
  expect(lengths.length).toBeLessThanOrEqual(6);
});
