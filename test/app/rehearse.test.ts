import { access, mkdir, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { rehearse } from "../../src/app/rehearsal/rehearse.ts";
import { pause, systemClock } from "../../src/runtime/clock.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

it("a rehearsal that is stopped at any moment is over at once, and throws nothing at anybody", async () => {
  const took: number[] = [];
  for (let after = 0; after < 60; after += 2) {
    const stop = new AbortController();
    const rehearsal = rehearse({ isAlone: async () => true, stopping: stop.signal });
    await pause(systemClock, after, AbortSignal.timeout(60_000));
    const stopped = performance.now();
    stop.abort();
    await rehearsal;
    took.push(performance.now() - stopped);
  }
  // What hung waited for the ten seconds that a handshake has.
  expect(Math.max(...took)).toBeLessThan(9_000);
});

it("a rehearsal removes what one that was killed has left, and no other's", async () => {
  vi.stubEnv("TMPDIR", await temporaryFolder());
  onTestFinished(() => void vi.unstubAllEnvs());
  const [left, running, theirs] = ["rehearsal-left", "rehearsal-now", "theirs"].map((name) =>
    join(tmpdir(), `entrepot-${name}`),
  ) as [string, string, string];
  for (const path of [left, running, theirs]) await mkdir(join(path, "blobs"), { recursive: true });
  for (const path of [left, theirs]) await utimes(path, 0, 0);
  const stopping = new AbortController().signal;
  expect(await rehearse({ isAlone: async () => true, stopping })).toBe(true);
  await expect(access(left)).rejects.toThrow("ENOENT");
  await Promise.all([running, theirs].map((path) => access(path)));
});

it("a rehearsal looks into the program's own records, for nothing that is there", async () => {
  const looked: string[] = [];
  const look = async (key: string): Promise<undefined> => void looked.push(key);
  const stopping = new AbortController().signal;
  expect(await rehearse({ isAlone: async () => true, stopping, look })).toBe(true);
  const kinds = new Set(looked.map((key) => key.slice(0, key.indexOf("/"))));
  expect(kinds).toEqual(new Set(["tag", "visibility", "held", "manifest"]));
  expect(looked.filter((key) => !/rehearsal\.invalid|^\w+\/sha256:/.test(key))).toEqual([]);
});
