/** Long work in small steps: after so many milliseconds at a stretch everybody else has a turn. */
import { setImmediate as yieldToOthers } from "node:timers/promises";

const stretch = 5;

export class SmallSteps {
  #since = performance.now();

  /** To be called before each step; what one of them takes cannot be cut. */
  async next(): Promise<void> {
    if (performance.now() - this.#since < stretch) return;
    await yieldToOthers();
    this.#since = performance.now();
  }
}
