/** Runs set-up scripts with bash, below a folder that stands for an image being built. */
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { printScript, type SetupScript } from "../../../src/doors/front-page/setup-script.ts";
import {
  canonicalRegistry,
  type Registry,
  type Scheme,
} from "../../../src/protocol/registry-name.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

const run = promisify(execFile);
export const facts = {
  proxy: "cache.lan:3128",
  mirror: "http://cache.lan:3128",
  root: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
  fingerprint: "AB:CD",
  registries: [
    named("docker.io"),
    named("ghcr.io"),
    named("lab.example:5000"),
    named("plain.example", "http"),
  ],
};

export const trustStore = "usr/local/share/ca-certificates";

/** What every set-up script promises, whatever it sets up. */
export function itIsASetupScript(script: SetupScript): void {
  it("is sound bash that explains itself", async () => {
    const folder = await image();
    await shell(folder, script, ["-n"], []);
    const { stdout } = await shell(folder, script, [], ["--help"]);
    expect(stdout).toContain(`curl -fsS http://cache.lan:3128/setup/${script.name} -o`);
    expect(stdout).toContain("--undo");
  });

  it("run twice changes nothing the second time, and --undo leaves no trace", async () => {
    const folder = await image();
    const before = await filesBelow(folder);
    await shell(folder, script);
    const after = await filesBelow(folder);
    expect(after.length).toBeGreaterThan(before.length);
    const again = await shell(folder, script);
    expect(again.stdout).toContain("nothing to do");
    await shell(folder, script, [], ["--undo"]);
    expect(await filesBelow(folder)).toEqual(before);
    expect((await shell(folder, script, [], ["--undo"])).stdout).toContain("nothing to do");
  });

  it("--print shows what it would write and writes nothing", async () => {
    const folder = await image();
    const before = await filesBelow(folder);
    const { stdout } = await shell(folder, script, [], ["--print"]);
    expect(stdout).toContain("cache.lan:3128");
    expect(await filesBelow(folder)).toEqual(before);
  });

  it("refuses an option it does not know", async () => {
    const folder = await image();
    await expect(shell(folder, script, [], ["--uninstall"])).rejects.toThrow(/unknown option/);
  });

  it("cut short on its way does nothing", async () => {
    const folder = await image();
    const before = await filesBelow(folder);
    const whole = printScript(script, facts);
    const half = whole.slice(0, whole.lastIndexOf("main"));
    await bash(half, ["-s", "--", "--root", folder]);
    expect(await filesBelow(folder)).toEqual(before);
  });
}

/** An image's root folder, as `--root` takes it. */
export async function image(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, trustStore), { recursive: true });
  return folder;
}

export function shell(
  folder: string,
  script: SetupScript,
  flags: string[] = [],
  options: string[] = [],
) {
  return bash(printScript(script, facts), [...flags, "-s", "--", "--root", folder, ...options]);
}

export function bash(script: string, args: readonly string[], path = process.env.PATH ?? "") {
  const child = run("/bin/bash", [...args], { env: { PATH: path } });
  child.child.stdin?.end(script);
  return child;
}

export async function toolFolder(tools: readonly string[]): Promise<string> {
  const folder = await temporaryFolder();
  for (const tool of tools) {
    const { stdout } = await run("/bin/bash", ["-c", `type -P ${tool}`]);
    await run("ln", ["-s", stdout.trim(), join(folder, tool)]);
  }
  return folder;
}

export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

export async function write(folder: string, path: string, content: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

export function read(folder: string, path: string): Promise<string> {
  return readFile(join(folder, path), "utf8");
}

/** Runs a script as root of a machine with systemd would, whose files lie below `folder`. */
export function onMachine(folder: string, script: SetupScript, options: string[] = []) {
  const text = printScript(script, facts).replaceAll("$EUID", "0");
  const moved = text.replace(/(?<=^|[\s=])\/(?=(?:etc|usr|var|run)\/)/gm, `${folder}/`);
  return bash(moved, ["-s", "--", ...options], `${join(folder, "bin")}:${process.env.PATH}`);
}

function named(text: string, scheme: Scheme = "https"): Registry {
  const name = canonicalRegistry(text);
  if (name === undefined) throw new TypeError(text);
  return { name, scheme };
}
