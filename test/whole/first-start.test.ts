import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { temporaryFolder } from "../support/temp-folder.ts";

const run = promisify(execFile);
const scripts = join(import.meta.dirname, "../../scripts");

it("a start on a machine without libatomic says the line to type", async () => {
  const clone = await temporaryFolder();
  await mkdir(join(clone, "node_modules/.bin"), { recursive: true });
  await cp(scripts, join(clone, "scripts"), { recursive: true });
  await writeFile(join(clone, "package-lock.json"), "{}");
  const installed = createHash("sha256").update("{}").digest("hex");
  await writeFile(join(clone, "node_modules/.installed-for"), `${installed} start`);
  // As the system's loader ends a program whose library is missing.
  await writeFile(join(clone, "node_modules/.bin/node"), "#!/bin/sh\nexit 127\n", { mode: 0o755 });
  const started = run(process.execPath, [join(clone, "scripts/ready.mjs"), "--compile"]);
  await expect(started).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^Node\.js 26 needs .*apt-get install libatomic1.*\n$/),
  });
});
