/** How long a soak takes: SOAK_MINUTES of mixed load, an hour unless said, and the rest in proportion. */

export const minutes = Number(process.env.SOAK_MINUTES ?? "60");

/** Of the full sizes. */
export const part = Math.min(1, minutes / 60);

/** At least `least`, `full` in an hour. */
export function inProportion(full: number, least: number): number {
  return Math.max(least, Math.round(full * part));
}
