/**
 * How much of it a journey plays that always finds the same, only the more surely the longer it lasts: some
 * on every run, all of it in `npm run test:heavy`.
 */

const { HEAVY } = process.env;

/** Of so many, or a third of them. */
export function aThirdOf(all: number): number {
  return HEAVY === undefined ? Math.ceil(all / 3) : all;
}

/** All of these, or the first. */
export function theFirstOf<T>(all: readonly T[]): readonly T[] {
  return HEAVY === undefined ? all.slice(0, 1) : all;
}
