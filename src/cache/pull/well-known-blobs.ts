/**
 * Blobs that everybody knows: the empty JSON object, which artifacts name as their config and whose
 * clients never fetch it, and the empty blob. While a registry cannot be asked they count as kept.
 */
import type { Digest } from "../../protocol/digest.ts";

const texts: ReadonlyMap<string, string> = new Map([
  ["sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "{}"],
  ["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", ""],
]);

/** Its bytes; undefined for all others. */
export function wellKnownBlob(digest: Digest): Buffer | undefined {
  const text = texts.get(digest);
  return text === undefined ? undefined : Buffer.from(text);
}
