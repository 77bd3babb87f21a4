import { describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";

describe("eventually", () => {
  it("gives what the check returned once it holds", async () => {
    let tries = 0;
    const check = () => {
      tries += 1;
      if (tries < 3) throw new Error("not yet");
      return "now";
    };
    expect(await eventually(check)).toBe("now");
  });

  it("fails with the check's own error when the time is up", async () => {
    const never = () => expect(1).toBe(2);
    await expect(eventually(never, { withinMs: 20 })).rejects.toThrow(/expected 1 to be 2/);
  });
});
