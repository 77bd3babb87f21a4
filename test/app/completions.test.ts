/** What a shell offers after TAB, asked of the shells themselves; the manual page, read by groff. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const docs = fileURLToPath(new URL("../../docs", import.meta.url));

async function isThere(program: string): Promise<boolean> {
  return await run("sh", ["-c", `command -v ${program}`]).then(
    () => true,
    () => false,
  );
}

/** Words as they stand on the line, the last of them unfinished. */
async function bash(...words: readonly string[]): Promise<readonly string[]> {
  const script = `. "$1"; shift; COMP_WORDS=(entrepot "$@"); COMP_CWORD=$#; _entrepot; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run("bash", [
    "-c",
    script,
    "-",
    `${docs}/completions/entrepot.bash`,
    ...words,
  ]);
  return stdout.split("\n").filter(Boolean).sort();
}

async function fish(line: string): Promise<readonly string[]> {
  const script = `source ${docs}/completions/entrepot.fish; complete -C '${line}'`;
  const { stdout } = await run("fish", ["--no-config", "-c", script]);
  return stdout
    .split("\n")
    .flatMap((each) => each.split("\t")[0] || [])
    .sort();
}

describe("bash", () => {
  it.each<[readonly string[], readonly string[]]>([
    [["co"], ["config"]],
    [
      ["config", ""],
      ["check", "print", "schema"],
    ],
    [["ca", "ro"], ["rotate"]],
    [["images", "rm", "--y"], ["--yes"]],
    [["serve", "--tls-client"], ["--tls-client-ca"]],
    [["--tag-t"], ["--tag-ttl"]],
    [["init", "--tag-t"], []],
    [
      ["--log-format", ""],
      ["json", "pretty"],
    ],
    [["--port", ""], []],
    [["gc", "--dr"], ["--dry-run"]],
    [["config", "check", "--runn"], ["--running"]],
  ])("completes %j", async (words, wanted) => {
    const offered = await bash(...words);
    if (words.at(-1) !== "" || words.at(-2)?.startsWith("--")) expect(offered).toEqual(wanted);
    else expect(offered.filter((word) => !word.startsWith("-"))).toEqual(wanted);
  });

  it("completes files where a flag takes one", async () => {
    expect(await bash("--config", `${docs}/man/entre`)).toEqual([`${docs}/man/entrepot.1`]);
  });
});

describe.skipIf(!(await isThere("fish")))("fish", () => {
  it.each([
    ["entrepot config ", ["check", "print", "schema"]],
    ["entrepot ca rotate --sw", ["--switch"]],
    ["entrepot serve --tls-client", ["--tls-client-ca"]],
    ["entrepot --log-format ", ["json", "pretty"]],
  ])("completes %j", async (line, wanted) => {
    expect(await fish(line)).toEqual(wanted);
  });
});

it.skipIf(!(await isThere("zsh")))("zsh reads its file", async () => {
  await run("zsh", ["-n", `${docs}/completions/_entrepot`]);
});

it.skipIf(!(await isThere("groff")))(
  "the manual page is one that groff reads without a word",
  async () => {
    const page = `${docs}/man/entrepot.1`;
    const { stdout, stderr } = await run("groff", [
      "-man",
      "-Tascii",
      "-P-cbou",
      "-ww",
      // Long words stand out at the end of a line.
      "-Wbreak",
      "-rLL=78n",
      page,
    ]);
    expect(stderr).toBe("");
    expect(stdout).toContain("entrepot images rm <image>");
  },
);
