/**
 * Nobody may receive a complete wrong body: the last bytes of what begins at byte 0, or goes on to
 * whatever the end is, go out only when length and digest have passed. Any other range is no
 * complete body: it goes out as it arrives, and who asked for it checks it.
 *
 *     0                                   size − 64 KiB        size
 *     ├──────────── as they arrive ───────────┤── once verified ──┤
 */

export const held = 64 * 1024;

/** Before which byte bytes may go out although the digest is not known to be right. */
export function releaseLimit(written: number, size: number | undefined): number {
  // Of a length nobody declared, any byte may turn out to be one of the last.
  return Math.max(0, (size ?? written) - held);
}

/** How many of `written` bytes, all there are from the first on, may go out before that. */
export function releasable(written: number, size: number | undefined): number {
  return Math.min(written, releaseLimit(written, size));
}
