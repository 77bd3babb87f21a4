/** `entrepot`, `entrepot serve`: runs until it is told to stop. */
import type { EventEmitter } from "node:events";
import { formatHostPort } from "../../protocol/http/host-port.ts";
import type { Application, Started } from "../application.ts";
import { printBanner } from "../banner.ts";
import { runUntilStopped } from "../lifecycle.ts";
import type { Log } from "../log.ts";
import { Reload } from "../reload.ts";
import type { Settings } from "../settings/settings.ts";

export type ServeParts = {
  readonly log: Log;
  /** About the settings. */
  readonly warnings: readonly string[];
  /** What is said to people is then left out of the log. */
  readonly isToldOnce?: boolean;
  readonly compose: () => Promise<Application>;
  readonly signals: EventEmitter;
  /** Reads the settings anew. */
  readonly loadAgain: () => Promise<Settings>;
  /** Files whose change makes that worth while. */
  readonly watched: readonly string[];
  /** For people; the log has the same as facts. */
  readonly say: (text: string) => void;
  readonly exitNow: (code: number) => void;
};

/** Resolves with the exit code. */
export async function serve(all: ServeParts): Promise<number> {
  const { log, warnings, isToldOnce = false, compose, say, loadAgain, watched, ...parts } = all;
  const app = await compose();
  const reload = new Reload({ app, log, loadAgain, watched });
  const announce = (its: Started): void => {
    const started = { ...its, warnings: [...warnings, ...its.warnings] };
    const places = started.listening.map(({ door, ...at }) => `${door}=${formatHostPort(at)}`);
    if (!isToldOnce) {
      const { fingerprint } = started;
      log.note("info", "listening", { listeners: places.join(" "), fingerprint });
      for (const warning of started.warnings) log.note("warn", warning);
    }
    say(printBanner(started));
  };
  reload.watch();
  try {
    const code = await runUntilStopped(app, {
      log,
      announce,
      onHangUp: () => reload.now(),
      ...parts,
    });
    log.note("info", "stopped");
    return code;
  } finally {
    reload.close();
  }
}
