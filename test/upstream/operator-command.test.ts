import { describe, expect, it } from "vitest";
import { runOperatorCommand } from "../../src/upstream/operator-command.ts";

const environment = { PATH: process.env.PATH, GREETING: "hello" };
const shell = (script: string) => ["sh", "-c", script];

describe("a command of the operator's", () => {
  it.each([
    [
      "prints",
      "echo $GREETING; echo there >&2",
      { code: 0, output: /^(hello\nthere\n|there\nhello\n)$/ },
    ],
    ["fails", "echo no >&2; exit 3", { code: 3, output: /^no\n$/ }],
    [
      "prints too much",
      "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end",
      { code: 0, output: /^x{1,4095}\nend\n$/ },
    ],
  ])("that %s ends with its code and the end of its words", async (_what, script, end) => {
    const { code, output } = await runOperatorCommand(shell(script), { environment });
    expect(code).toBe(end.code);
    expect(output).toMatch(end.output);
  });

  it("gets its arguments as they are: no shell reads them", async () => {
    const { output } = await runOperatorCommand(["echo", "$(id)", "a b"], { environment });
    expect(output).toBe("$(id) a b\n");
  });

  it("that is not there says so", async () => {
    const end = await runOperatorCommand(["/no/such/program", "set"], { environment });
    expect(end).toMatchObject({ code: -1, output: expect.stringContaining("ENOENT") });
  });

  it("that does not end is ended", async () => {
    const end = await runOperatorCommand(["sleep", "60"], { environment, timeout: 50 });
    expect(end).toMatchObject({ code: -1, output: expect.stringContaining("no end after") });
  });

  it("is ended when the program stops", async () => {
    const life = new AbortController();
    const running = runOperatorCommand(["sleep", "60"], { environment, signal: life.signal });
    life.abort();
    expect((await running).code).toBe(-1);
  });
});
