/**
 * The seeds of tests that draw what happens: 40 every day, 1,000 in the soak. One of them again:
 * `PROPERTY_SEED=17 npx vitest run test/download/any-fault.test.ts`.
 */

const { PROPERTY_SEED, PROPERTY_SEEDS = "40" } = process.env;

export const seeds: readonly number[] =
  PROPERTY_SEED === undefined
    ? Array.from({ length: Number(PROPERTY_SEEDS) }, (_, index) => index + 1)
    : [Number(PROPERTY_SEED)];
