/** `entrepot sleep`: for a container that only keeps the image from being removed as unused. */
import type { EventEmitter } from "node:events";

/** Resolves with the exit code, once it is told to stop. */
export async function sleep(signals: EventEmitter): Promise<number> {
  // To listen for a signal keeps no process alive.
  const awake = setInterval(() => undefined, 2 ** 30);
  try {
    return await new Promise<number>((resolve) => {
      for (const signal of ["SIGTERM", "SIGINT"]) signals.once(signal, () => resolve(0));
    });
  } finally {
    clearInterval(awake);
  }
}
