import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { commitOfClone } from "../../src/app/clone-commit.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

const run = promisify(execFile);
const who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"];

let folder: string;

async function git(...args: readonly string[]): Promise<string> {
  const { stdout } = await run("git", ["-C", folder, ...who, ...args]);
  return stdout.trim();
}

beforeEach(async () => {
  folder = await temporaryFolder();
  await git("init", "-q", "-b", "main");
});

describe("the commit of a clone", () => {
  it("is none where nothing was committed, and where there is no clone", async () => {
    expect(commitOfClone(folder)).toBeUndefined();
    await rm(join(folder, ".git"), { recursive: true });
    expect(commitOfClone(folder)).toBeUndefined();
  });

  it.each([
    ["a branch", []],
    ["a branch that git has packed away", [["pack-refs", "--all"]]],
    ["no branch", [["checkout", "-q", "--detach"]]],
    ["a branch that moved since it was packed away", [["pack-refs", "--all"], ["again"]]],
  ])("is what git says on %s", async (_name, steps) => {
    const commit = () => git("commit", "-q", "--allow-empty", "-m", "a change");
    await commit();
    for (const [step = "", ...rest] of steps) {
      await (step === "again" ? commit() : git(step, ...rest));
    }
    expect(commitOfClone(folder)).toBe(await git("rev-parse", "HEAD"));
  });

  it("is what git says in a second work tree", async () => {
    await git("commit", "-q", "--allow-empty", "-m", "a change");
    const second = join(await temporaryFolder(), "second");
    await git("worktree", "add", "-q", "-b", "other", second);
    await git("commit", "-q", "--allow-empty", "-m", "one more, on the first alone");
    const its = await git("rev-parse", "other");
    expect(commitOfClone(second)).toBe(its);
    expect(its).not.toBe(commitOfClone(folder));
  });
});
