/** Prints what was measured, for whoever asked to see it: STRESS_FIGURES=1, and always in a soak. */
import { expect } from "vitest";

export function tell(figures: object): void {
  if (process.env.STRESS_FIGURES === undefined) return;
  const name = expect.getState().currentTestName ?? "";
  process.stdout.write(`${name}\n${JSON.stringify(figures, null, 1)}\n`);
}
