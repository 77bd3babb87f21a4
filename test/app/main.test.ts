import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";

const main = fileURLToPath(new URL("../../src/app/main.js", import.meta.url));
const run = promisify(execFile);

describe("main", () => {
  it("refuses a Node that is too old, in a sentence", async () => {
    const old = `Object.defineProperty(process.versions, "node", { value: "20.20.2" });
      await import(${JSON.stringify(main)});`;
    const failing = run(process.execPath, ["--input-type=module", "-e", old]);
    await expect(failing).rejects.toMatchObject({
      code: 1,
      stderr:
        "entrepot: this is Node.js 20.20.2, and 24 or later is needed; npm start brings its own\n",
    });
  });

  it("is read by a Node that knows no types", async () => {
    const source = await readFile(main, "utf8");
    const statics = [...source.matchAll(/^import .* from "(.*)";$/gm)].map(([, from]) => from);
    expect(statics.every((from) => from?.startsWith("node:"))).toBe(true);
  });

  it("runs the command line and exits with its code", async () => {
    const { stdout } = await run(process.execPath, [main, "--version"]);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("sleeps without settings, data or a port, and ends with 0 when told to stop", async () => {
    const told = `process.argv.splice(1, Infinity, ${JSON.stringify(main)}, "sleep");
      process.on("newListener", (name) => name === "SIGTERM" && console.log("listening"));
      await import(process.argv[1]);`;
    const env = { PATH: process.env.PATH, PORT: "none", DATA_DIR: "/nonexistent" };
    const child = spawn(process.execPath, ["--input-type=module", "-e", told], { env });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
    await eventually(() => said !== "");
    child.kill("SIGTERM");
    expect(await once(child, "close")).toEqual([0, null]);
    expect(said).toBe("listening\n");
  });

  it("says of which commit, Node and form it is, where a script asks", async () => {
    const { stdout } = await run(process.execPath, [main, "--version", "--json"]);
    const git = await run("git", ["rev-parse", "HEAD"], { cwd: dirname(main) }).catch(
      () => ({ stdout: "unknown" }), // a copy without git
    );
    expect(JSON.parse(stdout)).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      ...{ commit: git.stdout.trim(), node: process.versions.node },
      build: `clone, ${process.platform}-${process.arch}`,
    });
  });
});
