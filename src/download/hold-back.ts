/**
 * Nobody may receive a complete wrong body: the last bytes go out only when length and digest have
 * passed. A range that ends before them is not held up.
 *
 *     0                                   size − 64 KiB        size
 *     ├──────────── as they arrive ───────────┤── once verified ──┤
 */

const held = 64 * 1024;

/** How many of `written` bytes may go out before the digest is known to be right. */
export function releasable(written: number, size: number | undefined): number {
  // Of a length nobody declared, any byte may turn out to be one of the last.
  return Math.max(0, Math.min(written, (size ?? written) - held));
}
