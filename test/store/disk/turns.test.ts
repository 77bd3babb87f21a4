import { describe, expect, it } from "vitest";
import { Turns } from "../../../src/store/disk/turns.ts";

describe("turns", () => {
  it("come one after the other for a key, also after a failure, and apart for others", async () => {
    const turns = new Turns<string>();
    const steps: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = turns.take("a", async () => {
      steps.push("first begins");
      await gate.promise;
      steps.push("first ends");
      throw new Error("first failed");
    });
    const second = turns.take("a", async () => steps.push("second"));
    await turns.take("b", async () => steps.push("other"));
    expect(steps).toEqual(["first begins", "other"]);
    gate.resolve();
    await expect(first).rejects.toThrow("first failed");
    expect(await second).toBe(4);
    expect(steps.slice(2)).toEqual(["first ends", "second"]);
    expect(await turns.take("a", async () => "again")).toBe("again");
  });
});
