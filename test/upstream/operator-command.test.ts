import { describe, expect, it } from "vitest";
import { runOperatorCommand } from "../../src/upstream/operator-command.ts";

const environment = { PATH: process.env.PATH, GREETING: "hello" };
const run = (script: string, ...args: readonly string[]) => [
  process.execPath,
  "-e",
  script,
  ...args,
];
const idle = run("setInterval(() => undefined, 1_000)");

describe("a command of the operator's", () => {
  it.each([
    [
      "prints",
      "console.log(process.env.GREETING); console.error('there')",
      { code: 0, output: /^(hello\nthere\n|there\nhello\n)$/ },
    ],
    ["fails", "console.error('no'); process.exitCode = 3", { code: 3, output: /^no\n$/ }],
    [
      "prints too much",
      "console.log('x'.repeat(100_000)); console.log('end')",
      { code: 0, output: /^x{1,4095}\nend\n$/ },
    ],
  ])("that %s ends with its code and the end of its words", async (_what, script, end) => {
    const { code, output } = await runOperatorCommand(run(script), { environment });
    expect(code).toBe(end.code);
    expect(output).toMatch(end.output);
  });

  it("gets its arguments as they are: no shell reads them", async () => {
    const command = run("console.log(process.argv.slice(1).join('|'))", "$(id)", "a b");
    const { output } = await runOperatorCommand(command, { environment });
    expect(output).toBe("$(id)|a b\n");
  });

  it("that is not there says so", async () => {
    const end = await runOperatorCommand(["/no/such/program", "set"], { environment });
    expect(end).toMatchObject({ code: -1, output: expect.stringContaining("ENOENT") });
  });

  it("that does not end is ended", async () => {
    const end = await runOperatorCommand(idle, { environment, timeout: 50 });
    expect(end).toMatchObject({ code: -1, output: expect.stringContaining("no end after") });
  });

  it("is ended when the program stops", async () => {
    const life = new AbortController();
    const running = runOperatorCommand(idle, { environment, signal: life.signal });
    life.abort();
    expect((await running).code).toBe(-1);
  });
});
