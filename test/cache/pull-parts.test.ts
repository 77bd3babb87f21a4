import { expect, it } from "vitest";
import { pullParts } from "../../src/cache/pull-parts.ts";
import { VerifyingReads } from "../../src/download/verifying-reads.ts";
import { noBooks } from "../support/no-books.ts";
import { House } from "./support/house.ts";

it("two policies in one process know nothing of each other", async () => {
  const parts = [new House(), new House()].map(
    ({ upstream: client, blobs, records, downloads, usage }) =>
      pullParts({
        client,
        blobs,
        drafts: blobs,
        records,
        downloads,
        usage,
        books: noBooks,
        rechecks: new VerifyingReads({ blobs, books: noBooks, observe: () => undefined }),
        observe: () => undefined,
        now: () => 0,
        secret: Buffer.from("secret"),
        credentialOf: () => undefined,
        tagTtl: 10_000,
        staleIfError: 0,
      }),
  );
  expect(parts[0]?.manifests).not.toBe(parts[1]?.manifests);
});

it("a malformed tag rule is refused when they are put together", () => {
  expect(() => new House({ tagRules: [{ tag: "/(/" }] })).toThrow(SyntaxError);
});
