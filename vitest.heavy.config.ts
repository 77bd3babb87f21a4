import { defineConfig } from "vitest/config";

/**
 * Journeys that are too much for every day: gigabytes, and minutes; some of them in full that every day
 * plays in part. Needs what the journeys need, and
 * some 20 GB of room where temporary files lie.
 */
export default defineConfig({
  test: {
    include: [
      "test/heavy/**/*.test.ts",
      "test/journeys/guides/lab-vm.test.ts",
      "test/journeys/clients-of-every-kind-pull-cold-warm-and-without-upstream.test.ts",
      "test/journeys/what-a-release-is-made-of-pulls-and-stops.test.ts",
      "test/journeys/a-push-of-gigabytes-goes-through.test.ts",
      "test/journeys/stress/the-power-goes-in-the-middle-of-pushes.test.ts",
      "test/journeys/stress/the-power-goes-while-garbage-is-collected.test.ts",
    ],
    env: { HEAVY: "1" },
    globalSetup: ["test/journeys/support/global-setup.ts"],
    fileParallelism: false,
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
  },
});
