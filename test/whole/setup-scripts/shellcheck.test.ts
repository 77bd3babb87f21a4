/** Every script that the front page gives out, as Debian's shellcheck reads it. */
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { handouts } from "../../../src/doors/front-page/setup-handouts.ts";
import { printRefusal, type SetupFacts } from "../../../src/doors/front-page/setup-script.ts";
import { facts } from "./script-runner.ts";

const isHere = spawnSync("shellcheck", ["--version"]).status === 0;

const ways: readonly (readonly [string, SetupFacts])[] = [
  ["as a proxy", facts],
  ["while the CA is rotated", { ...facts, next: { root: facts.root } }],
  ["by a name for one registry", { ...facts, isOneRegistry: true, mirror: "https://hub.lan" }],
];
const shellScripts = handouts
  .filter(({ kind }) => kind !== "powershell")
  .flatMap((one) => ways.map(([way, its]) => [one.name, way, one.print(its)] as const));

/** What it objects to. */
async function objections(script: string): Promise<string> {
  const checked = promisify(execFile)("shellcheck", ["--format=gcc", "-"]);
  checked.child.stdin?.end(script);
  const { stdout } = await checked.catch((error: { stdout: string }) => error);
  return stdout;
}

describe.skipIf(!isHere)("shellcheck objects to nothing", () => {
  it.each(shellScripts)("in /setup/%s, %s", async (_name, _way, script) => {
    expect(await objections(script)).toBe("");
  });

  it("in what stands in the place of one that is not for here", async () => {
    expect(await objections(printRefusal("no"))).toBe("");
  });
});
