import { defineConfig } from "vitest/config";

/** The unit and room tests: no system packages, no root, loopback only. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/journeys/**", "test/soak/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // No module of ours keeps state, so files share processes; starting one for each takes longer
    // than the tests. Two, since many tests wait for sockets and timers.
    isolate: false,
    maxWorkers: 2,
  },
});
