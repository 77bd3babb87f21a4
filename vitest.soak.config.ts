import { defineConfig } from "vitest/config";

/**
 * The stress journeys at full size: hours, on a machine that does nothing else. SOAK_MINUTES makes
 * them shorter. Figures are printed.
 */
export default defineConfig({
  test: {
    include: ["test/soak/**/*.test.ts"],
    globalSetup: ["test/soak/support/global-setup.ts"],
    fileParallelism: false,
    env: { STRESS_FIGURES: "1" },
    testTimeout: 4 * 3_600_000,
    hookTimeout: 180_000,
  },
});
