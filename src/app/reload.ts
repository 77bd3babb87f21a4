/**
 * Takes up changed logins while running: at SIGHUP, and when a file that the settings came from
 * changes. What cannot be used is told of, and everything stays as it was.
 */
import { type Stats, unwatchFile, watchFile } from "node:fs";
import { join } from "node:path";
import type { Application } from "./application.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings/settings.ts";

export type ReloadParts = {
  readonly app: Pick<Application, "reload" | "reloadFailed">;
  readonly log: Pick<Log, "note">;
  readonly loadAgain: () => Promise<Settings>;
  readonly watched: readonly string[];
  /** Milliseconds between two looks at a file; 5 s. Looking works where being told does not: mounted secrets. */
  readonly interval?: number;
};

type Named = {
  readonly registries: Pick<Settings["registries"], "dockerConfig">;
  readonly hosted: Pick<Settings["hosted"], "htpasswd">;
};

/** HOSTED_HTPASSWD beside those read at the start; DOCKER_CONFIG may be a folder, whose own time says nothing of what is written in its files. */
export function watchedPaths(
  files: readonly string[],
  { registries: { dockerConfig }, hosted: { htpasswd } }: Named,
): readonly string[] {
  const named = [...files, ...(htpasswd === undefined ? [] : [htpasswd])];
  if (dockerConfig === undefined) return named;
  return [...named, dockerConfig, join(dockerConfig, "config.json")];
}

export class Reload {
  readonly #parts: ReloadParts;
  readonly #onLook = (now: Stats, before: Stats): void => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) this.now();
  };
  #running: Promise<void> = Promise.resolve();

  constructor(parts: ReloadParts) {
    this.#parts = parts;
  }

  watch(): void {
    const { watched, interval = 5_000 } = this.#parts;
    for (const path of watched) watchFile(path, { interval, persistent: false }, this.#onLook);
  }

  /** Reads and takes up, one after another. */
  now(): void {
    this.#running = this.#running.then(() => this.#reload());
  }

  /** Resolves when nothing is being taken up. */
  settled(): Promise<void> {
    return this.#running;
  }

  close(): void {
    for (const path of this.#parts.watched) unwatchFile(path, this.#onLook);
  }

  async #reload(): Promise<void> {
    const { app, log, loadAgain } = this.#parts;
    try {
      await app.reload(await loadAgain());
      log.note("info", "logins were read again; other settings need a restart");
    } catch (error) {
      app.reloadFailed();
      const why = error instanceof Error ? error.message : String(error);
      log.note("error", "settings could not be read again; everything stays as it was", {
        error: why,
      });
    }
  }
}
