import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../support/temp-folder.ts";

const module = fileURLToPath(new URL("../../src/app/leave.ts", import.meta.url));

/** What a program prints that does `first`, says so, and leaves with 7. */
async function leaveAfter(first: string) {
  const script = `
    import { open } from "node:fs/promises";
    import { leave } from ${JSON.stringify(module)};
    ${first}
    process.stdout.write("said\\n");
    leave(process, 7);`;
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
    ...{ timeout: 15_000, killSignal: "SIGKILL" as const },
  });
  return await run.catch((error: unknown) => error);
}

describe("leaving", () => {
  it("ends with the code", async () => {
    const ended = await leaveAfter("");
    expect(ended).toMatchObject({ code: 7, signal: null, stdout: "said\n", stderr: "" });
  });

  it("does not wait for a file that nobody answers for", async () => {
    const pipe = join(await temporaryFolder(), "pipe");
    execFileSync("mkfifo", [pipe]);
    const ended = await leaveAfter(`void open(${JSON.stringify(pipe)});`);
    expect(ended).toMatchObject({ code: 7, signal: null, stdout: "said\n", stderr: "" });
  });
});
