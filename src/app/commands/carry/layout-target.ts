/** Where an image layout is written to. What an earlier run left whole is not written again. */
import { createHash } from "node:crypto";
import { type Digest, digestAlgorithm, toDigest } from "../../../protocol/digest.ts";
import { AskError } from "../control.ts";

export type LayoutContent = { readonly digest: Digest; readonly size: number };

export interface LayoutTarget {
  /** Whether it is there, with the right bytes. */
  has(content: LayoutContent): Promise<boolean>;
  /** Throws AskError when the bytes are others, and nothing of them is left then. */
  write(content: LayoutContent, body: AsyncIterable<Uint8Array>): Promise<void>;
  /** The lists come last: from now on it is one. `files` by their names. */
  finish(files: ReadonlyMap<string, string>): Promise<void>;
  /** Leaves what is there for the next run. Never rejects. */
  close(): Promise<void>;
}

/** The same bytes, of which the end comes only if all of them are right. Throws AskError. */
export async function* checked(
  { digest, size }: LayoutContent,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash(digestAlgorithm(digest));
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > size) throw damaged(digest);
    hash.update(piece);
    yield piece;
  }
  const found = toDigest(digestAlgorithm(digest), hash.digest("hex"));
  if (length !== size || found !== digest) throw damaged(digest);
}

/** Whether these are the right bytes. */
export async function isRight(
  content: LayoutContent,
  body: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const hash = createHash(digestAlgorithm(content.digest));
  let length = 0;
  for await (const piece of body) {
    hash.update(piece);
    length += piece.length;
  }
  const found = toDigest(digestAlgorithm(content.digest), hash.digest("hex"));
  return length === content.size && found === content.digest;
}

function damaged(digest: Digest): AskError {
  return new AskError("FAILED", `${digest} is damaged where it is kept, or was cut on its way`);
}
