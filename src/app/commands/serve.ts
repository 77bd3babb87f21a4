/** `entrepot`, `entrepot serve`: runs until it is told to stop. */
import type { EventEmitter } from "node:events";
import type { Application, Started } from "../application.ts";
import { printBanner } from "../banner.ts";
import { runUntilStopped } from "../lifecycle.ts";
import type { Log } from "../log.ts";

export type ServeParts = {
  readonly log: Log;
  readonly compose: () => Promise<Application>;
  readonly signals: EventEmitter;
  /** For people; the log has the same as facts. */
  readonly say: (text: string) => void;
  readonly exitNow: (code: number) => void;
};

/** Resolves with the exit code. */
export async function serve({ log, compose, say, ...parts }: ServeParts): Promise<number> {
  const app = await compose();
  const announce = (started: Started): void => {
    const places = started.listening.map(({ door, host, port }) => `${door}=${host}:${port}`);
    log.note("info", "listening", {
      listeners: places.join(" "),
      fingerprint: started.fingerprint,
    });
    for (const warning of started.warnings) log.note("warn", warning);
    say(printBanner(started));
  };
  const code = await runUntilStopped(app, { log, announce, ...parts });
  log.note("info", "stopped");
  return code;
}
