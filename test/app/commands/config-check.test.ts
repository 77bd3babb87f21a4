import { describe, expect, it } from "vitest";
import { checkConfig } from "../../../src/app/commands/config-check.ts";

describe("entrepot config check", () => {
  it("shows what differs, or that nothing does", async () => {
    const printed: string[] = [];
    const print = (line: string) => void printed.push(line);
    expect(
      await checkConfig(async () => ({ lines: ["PORT=1 (flag)"], warnings: ["the step"] }), print),
    ).toBe(0);
    expect(await checkConfig(async () => ({ lines: [], warnings: [] }), print)).toBe(0);
    expect(await checkConfig(async () => ({ lines: ["A=1"], warnings: [] }), print)).toBe(0);
    expect(await checkConfig(async () => ({ lines: [], warnings: ["MTU"] }), print)).toBe(0);
    expect(printed).toEqual([
      "PORT=1 (flag)",
      "Mind: the step",
      "The settings are fine.",
      "All settings are at their defaults.",
      "A=1",
      "The settings are fine.",
      "Mind: MTU",
      "So all settings are at their defaults; entrepot init --from FILE reads those of what ran before.",
    ]);
  });
});
