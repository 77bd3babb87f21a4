/** Loaded into the program by --import: at SIGUSR2 it writes how late timers were since the last time. */
import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const file = process.env.ENTREPOT_TEST_LOOP_DELAY ?? "loop-delay.json";
const resolution = 1;
const histogram = monitorEventLoopDelay({ resolution });
histogram.enable();
let count = 0;

process.on("SIGUSR2", () => {
  const late = (share: number): number =>
    Math.max(0, histogram.percentile(share) / 1e6 - resolution);
  count += 1;
  const seen = { p50: late(50), p99: late(99), max: histogram.max / 1e6, count };
  writeFileSync(`${file}.new`, `${JSON.stringify(seen)}\n`);
  renameSync(`${file}.new`, file);
  histogram.reset();
});
