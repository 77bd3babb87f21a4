import { expect, it } from "vitest";
import { checkRunning } from "../../src/app/commands/config-check.ts";
import { Scene } from "./support/program.ts";

it("config check --running says what the server has, and where a start here would differ", async () => {
  const scene = await Scene.open();
  const { dataDir } = await scene.start({
    TAG_TTL: "1 min",
    ADMIN_TOKEN: "CANARY-0123456789abcdef",
  });
  const asked = async (change: (lines: readonly string[]) => readonly string[]) => {
    const told: string[] = [];
    await checkRunning({ dataDir, lines: [], print: (line) => void told.push(line) });
    const own = told.slice(0, told.indexOf("A start here would have other ones:"));
    const lines: string[] = [];
    const here = change(own.map((line) => line.replace("(environment)", "(flag)")));
    expect(
      await checkRunning({ dataDir, lines: here, print: (line) => void lines.push(line) }),
    ).toBe(0);
    return lines.slice(own.length);
  };
  const whole = await asked((lines) => lines);
  expect(whole).toEqual(["A start here would have the same settings."]);
  const other = await asked((lines) => [
    ...lines.filter((line) => !line.startsWith("TAG_TTL")),
    "TAG_TTL=5 min (flag)",
  ]);
  expect(other).toEqual([
    "A start here would have other ones:",
    "  with TAG_TTL=5 min",
    "  without TAG_TTL=1 min",
  ]);
  expect([...whole, ...other].join()).not.toContain("CANARY");
});
