import { defineConfig } from "vitest/config";

/**
 * `unit`: rooms and their parts, what everybody runs all day; nothing but Node, loopback only. `whole`:
 * the program in this process, and its set-up scripts, against servers that misbehave; needs bash,
 * openssl, python3 and jq, redis-server and PostgreSQL.
 */
export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // No module of ours keeps state, so files share processes; starting one for each takes longer
    // than the tests. Three on two cores, since many tests wait for sockets and timers.
    isolate: false,
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/whole/**", "test/journeys/**", "test/soak/**", "test/heavy/**"],
        },
      },
      {
        extends: true,
        test: { name: "whole", include: ["test/whole/**/*.test.ts"], testTimeout: 180_000 },
      },
    ],
  },
});
