import { defineConfig } from "vitest/config";

/**
 * The stress journeys at full size, and tests of chance with 1,000 seeds: hours, on a machine that does
 * nothing else. SOAK_MINUTES makes them shorter. Figures are printed.
 */
export default defineConfig({
  test: {
    include: [
      "test/soak/**/*.test.ts",
      "test/download/any-fault.test.ts",
      "test/whole/anything-at-once.test.ts",
      "test/whole/garbage-while-pushing.test.ts",
      "test/journeys/stress/the-power-goes-while-images-are-imported.test.ts",
    ],
    fileParallelism: false,
    env: {
      STRESS_FIGURES: "1",
      PROPERTY_SEEDS: "1000",
      GARBAGE_EVENTS: "360000",
      IMPORT_KILLS: "100",
    },
    testTimeout: 4 * 3_600_000,
    hookTimeout: 180_000,
  },
});
