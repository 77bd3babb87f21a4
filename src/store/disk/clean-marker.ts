/**
 * The file `clean`: left at a clean stop, taken away at start. It says which blobs are known to be
 * right, so that neither a start nor a second crash has to look at a hundred thousand files.
 *
 *     all                      everything kept is right
 *     only                     … what is named below is; the rest was there when an earlier run
 *     sha256:ab12…             crashed and has not been hashed since
 */
import { type Digest, parseDigest } from "../../protocol/digest.ts";

/** Which kept blobs may be trusted without hashing them again. */
export type Verified = "all" | ReadonlySet<Digest>;

export function printVerified(verified: Verified): string {
  if (verified === "all") return "all\n";
  return ["only", ...verified, ""].join("\n");
}

/** No marker, or one that makes no sense, vouches for nothing. */
export function parseVerified(text: string | undefined): Verified {
  if (text === undefined) return new Set();
  const [first, ...rest] = text.split("\n");
  // The last line ends with a newline, or the file was cut short.
  if (rest.pop() !== "") return new Set();
  if (first === "all") return "all";
  if (first !== "only") return new Set();
  return new Set(rest.map(parseDigest).filter((digest) => digest !== undefined));
}
