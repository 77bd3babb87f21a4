import { defineConfig } from "vitest/config";

/**
 * What people do, with real engines and registries: needs root, the engines installed, and port 443
 * of some loopback addresses. One file after another, since they play the same hosts.
 */
export default defineConfig({
  test: {
    include: ["test/journeys/**/*.test.ts"],
    globalSetup: ["test/journeys/support/global-setup.ts"],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
