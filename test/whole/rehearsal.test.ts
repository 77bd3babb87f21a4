/** What a start does by itself before the first client comes, and that nothing of it is seen. */
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import type { Rehearsing, World } from "../../src/app/application.ts";
import { rehearse } from "../../src/app/rehearsal/rehearse.ts";
import { redisServer } from "../support/record-servers.ts";
import { sharedSettings } from "../support/shared-settings.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { type Program, Scene } from "./support/program.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

type Watched = {
  readonly begin: NonNullable<World["rehearse"]>;
  /** What it came to. */
  readonly outcome: Promise<boolean>;
  /** The first question whether it may begin was asked. */
  readonly reached: Promise<void>;
  /** Where its folder is made. */
  readonly temporary: string;
};

/** The rehearsal as the server has it. */
async function watched(): Promise<Watched> {
  const temporary = await temporaryFolder();
  const { promise: outcome, resolve } = Promise.withResolvers<boolean>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const begin = async (its: Rehearsing): Promise<void> => {
    vi.stubEnv("TMPDIR", temporary);
    const isAlone = (): Promise<boolean> => {
      reach();
      return its.isAlone();
    };
    resolve(await rehearse({ ...its, isAlone }));
  };
  return { begin, outcome, reached, temporary };
}

async function started(rehearsal: World["rehearse"], settings = {}): Promise<Program> {
  const scene = await Scene.open();
  return scene.start(settings, rehearsal && { rehearse: rehearsal });
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}

/** Whatever counts something, without what tells of this process alone. */
async function counted({ adminPort }: Program): Promise<readonly string[]> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
  return (await answer.text())
    .split("\n")
    .filter((line) => /^entrepot_\w+_(?:total|count|sum|connections|blobs)\b/.test(line));
}

/** Without what differs from one start to the next. */
function saidIn({ lines }: Program): readonly unknown[] {
  return lines.map((line) => {
    const { level, msg } = JSON.parse(line);
    return { level, msg };
  });
}

it("leaves no file, no line of the log, no figure and no name", async () => {
  const without = await started(undefined);
  const { begin, outcome, temporary } = await watched();
  const program = await started(begin);
  expect(await outcome).toBe(true);
  expect(await namesIn(temporary)).toEqual([]);
  const figures = await counted(program);
  expect(figures.length).toBeGreaterThan(5);
  expect(figures).toEqual(await counted(without));
  expect(saidIn(program)).toEqual(saidIn(without));
  await Promise.all([program.stop(), without.stop()]);
  expect(await namesIn(program.dataDir)).toEqual(await namesIn(without.dataDir));
});

it("is done offline, too", async () => {
  const { begin, outcome } = await watched();
  await started(begin, { OFFLINE: "true" });
  expect(await outcome).toBe(true);
});

it("a stop ends it, and waits until nothing of it is left", async () => {
  const { begin, outcome, reached, temporary } = await watched();
  const program = await started(begin);
  await reached;
  await program.stop();
  expect(await namesIn(temporary)).toEqual([]);
  expect(await outcome).toBe(false);
});

it("does nothing while a client is connected", async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const answers: boolean[] = [];
  const { begin, outcome } = await watched();
  const looking: World["rehearse"] = ({ isAlone, stopping }) =>
    begin({
      stopping,
      isAlone: async () => {
        const isIt = await isAlone();
        answers.push(isIt);
        resolve();
        return isIt;
      },
    });
  const scene = await Scene.open();
  const held = Promise.withResolvers<void>();
  const program = await scene.start(
    {},
    { rehearse: (its) => held.promise.then(() => looking(its)) },
  );
  const client = connect(program.port, "127.0.0.1");
  await once(client, "connect");
  held.resolve();
  await asked;
  client.destroy();
  expect(await outcome).toBe(true);
  expect(answers[0]).toBe(false);
  expect(answers.at(-1)).toBe(true);
});

it("is left out where there is no place for its folder", async () => {
  vi.stubEnv("TMPDIR", join(await temporaryFolder(), "nowhere"));
  const { signal } = new AbortController();
  expect(await rehearse({ isAlone: async () => true, stopping: signal })).toBe(false);
});

it("looks into records in a file, and into none at a server, which counts what it is asked", async () => {
  const server = await redisServer();
  await server.start();
  for (const [RECORDS, looks] of [
    ["sqlite:", true],
    [`redis://127.0.0.1:${server.port}/0`, false],
  ] as const) {
    const scene = await Scene.open();
    const given = Promise.withResolvers<Rehearsing>();
    const rehearsal = async (its: Rehearsing): Promise<void> => given.resolve(its);
    const settings = { ...(await sharedSettings(scene)), RECORDS };
    const program = await scene.start(settings, { rehearse: rehearsal });
    expect([RECORDS, (await given.promise).look !== undefined]).toEqual([RECORDS, looks]);
    await program.stop();
  }
});
