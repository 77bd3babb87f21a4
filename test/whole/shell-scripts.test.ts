import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const shellcheck = "/usr/bin/shellcheck";

it.skipIf(!existsSync(shellcheck))(
  "shellcheck finds nothing in scripts that people run",
  async () => {
    const examples = await readdir(join(root, "examples"));
    const folders = ["scripts", "packaging", ...examples.map((name) => join("examples", name))];
    const lists = folders.map(async (folder) => {
      const names = await readdir(join(root, folder));
      return names.filter((name) => name.endsWith(".sh")).map((name) => join(folder, name));
    });
    const scripts = (await Promise.all(lists)).flat();
    expect(scripts).toContain("scripts/install.sh");
    const args = ["--severity=warning", ...scripts, "scripts/release", ".ci/run"];
    await run(shellcheck, args, { cwd: root });
  },
);
