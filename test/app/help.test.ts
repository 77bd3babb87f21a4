import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { formatItem } from "../../src/app/help.ts";

const description =
  "What is worth a line: every request is info, what went wrong is warn or error.";

function helpAt(columns: number): string {
  return new Command("x")
    .option("--log-level <debug|info|warn|error|silent>", description)
    .configureHelp({ formatItem, helpWidth: columns })
    .helpInformation();
}

describe("the help", () => {
  it.each([48, 80, 85])("fits a terminal of %i columns", (columns) => {
    const lines = helpAt(columns).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(
      Math.max(columns, "  --log-level <debug|info|warn|error|silent>".length),
    );
    expect(lines.find((line) => line.includes("What is worth"))).toMatch(/^ {6}What/);
  });

  it("has two columns where there is room for them", () => {
    expect(helpAt(120)).toMatch(/--log-level <debug\|info\|warn\|error\|silent> {2}What is worth/);
  });
});
