import { describe, expect, it } from "vitest";
import { KeyedMutex } from "../../src/runtime/keyed-mutex.ts";

describe("a keyed mutex", () => {
  it("runs one after the other for a key, also after a failure, and apart for others", async () => {
    const mutex = new KeyedMutex<string>();
    const steps: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = mutex.run("a", async () => {
      steps.push("first begins");
      await gate.promise;
      steps.push("first ends");
      throw new Error("first failed");
    });
    const second = mutex.run("a", async () => steps.push("second"));
    await mutex.run("b", async () => steps.push("other"));
    expect(steps).toEqual(["first begins", "other"]);
    gate.resolve();
    await expect(first).rejects.toThrow("first failed");
    expect(await second).toBe(4);
    expect(steps.slice(2)).toEqual(["first ends", "second"]);
    expect(await mutex.run("a", async () => "again")).toBe("again");
  });
});
