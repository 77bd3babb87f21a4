/**
 * Work that nobody waits for. What may go wrong in a running program (errors with a code, errors of
 * our own) is told; a bug is nobody's to swallow and is left unhandled, which ends the program in
 * order. So it is for work on our own disk and records: what others' answers can reach has somebody
 * who waits and is told (flights.ts), or must not stop everybody's pulls.
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
