import { defineConfig } from "vitest/config";

/**
 * Journeys that are too much for every day: gigabytes, and minutes. Needs what the journeys need, and
 * some 20 GB of room where temporary files lie.
 */
export default defineConfig({
  test: {
    include: ["test/heavy/**/*.test.ts"],
    globalSetup: ["test/journeys/support/global-setup.ts"],
    fileParallelism: false,
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
  },
});
