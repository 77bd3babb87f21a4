/** How long a soak takes: SOAK_MINUTES of mixed load, an hour unless said, and the rest in proportion. */

export const minutes = Number(process.env.SOAK_MINUTES ?? "60");

/**
 * SOAK_RATE: bytes a second that each client of the mixed load reads, for a machine that has other work
 * meanwhile; as fast as it can unless said.
 */
export const rate = process.env.SOAK_RATE === undefined ? undefined : Number(process.env.SOAK_RATE);

/** Of the full sizes. */
export const part = Math.min(1, minutes / 60);

/** At least `least`, `full` in an hour. */
export function inProportion(full: number, least: number): number {
  return Math.max(least, Math.round(full * part));
}
