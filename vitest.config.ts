import { defineConfig } from "vitest/config";

/** The unit and room tests: no system packages, no root, loopback only. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/journeys/**", "test/soak/**"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
