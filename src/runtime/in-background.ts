/**
 * Work that nobody waits for. What may go wrong in a running program is told; a bug is nobody's to
 * swallow and ends up where every unhandled one does.
 */

/** Starts nothing itself: `work` is under way. `tell` hears of a failure that may be expected. */
export function inBackground(work: Promise<unknown>, tell: (failure: Error) => void): void {
  work.catch((error: unknown) => {
    if (!(error instanceof Error) || isBug(error)) throw error;
    tell(error);
  });
}

/** What the language throws at a mistake; system calls and our own errors have a code. */
function isBug(error: Error): boolean {
  const isMistake =
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof RangeError ||
    error instanceof SyntaxError;
  return isMistake && !("code" in error);
}
