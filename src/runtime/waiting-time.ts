/**
 * Keeps time for whoever waits for another machine. Time in which this process was held up itself does
 * not count: the answer may have come long since, and nobody was there to read it.
 */

/** So often it is looked whether time went by as it should. */
const slice = 100;
/** A timer this late says that nothing could be read either. */
const heldUp = 50;

/** Calls `ring` once after so many milliseconds, unless what is returned is called before. */
export function afterWaiting(milliseconds: number, ring: () => void): () => void {
  let left = milliseconds;
  let wasForgiven = false;
  let timer: NodeJS.Timeout | undefined;
  const goOn = (): void => {
    const from = performance.now();
    const step = Math.min(slice, left);
    timer = setTimeout(() => {
      const took = performance.now() - from;
      // What came meanwhile is read before the next slice ends; who is always late has a limit all the same.
      wasForgiven = took > step + heldUp && !wasForgiven;
      if (!wasForgiven) left -= took;
      if (left >= 1) goOn();
      else ring();
    }, step);
  };
  goOn();
  return () => clearTimeout(timer);
}
