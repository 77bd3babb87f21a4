import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Reload, watchedPaths } from "../../src/app/reload.ts";
import type { Settings } from "../../src/app/settings/settings.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

function newReload(watched: readonly string[], loadAgain: () => Promise<Settings>) {
  const notes: string[] = [];
  const taken: Settings[] = [];
  const reload = new Reload({
    app: {
      reload: async (settings) => void taken.push(settings),
      reloadFailed: () => void notes.push("failed"),
    },
    log: {
      note: (level, message, facts) => notes.push(`${level} ${message} ${facts?.error ?? ""}`),
    },
    loadAgain,
    watched,
    interval: 20,
  });
  return { reload, notes, taken };
}

describe("settings read again", () => {
  const settings = {} as Settings;

  it("are taken up when a file changes", async () => {
    const path = join(await temporaryFolder(), "logins");
    await writeFile(path, "a");
    const { reload, taken } = newReload([path], async () => settings);
    reload.watch();
    await eventually(async () => {
      await writeFile(path, `${performance.now()}`);
      return taken.length > 0;
    });
    reload.close();
  });

  it.each(["config.json", "."])(
    "are taken up when the docker config.json is edited in place, and DOCKER_CONFIG is %s",
    async (name) => {
      const folder = await temporaryFolder();
      const path = join(folder, "config.json");
      await writeFile(path, "{}");
      const { reload, taken } = newReload(
        watchedPaths([], {
          registries: { dockerConfig: join(folder, name) },
          hosted: { htpasswd: undefined },
        }),
        async () => settings,
      );
      reload.watch();
      await eventually(async () => {
        await writeFile(path, `{"written": ${performance.now()}}`);
        return taken.length > 0;
      });
      reload.close();
    },
  );

  it("change nothing when they make no sense, and that is told", async () => {
    const { reload, notes, taken } = newReload([], () => Promise.reject(new Error("PORT is x")));
    reload.now();
    await reload.settled();
    expect(taken).toEqual([]);
    expect(notes).toEqual([
      "failed",
      "error settings could not be read again; everything stays as it was PORT is x",
    ]);
  });
});
