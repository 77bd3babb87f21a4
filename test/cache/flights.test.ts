import { describe, expect, it } from "vitest";
import { Flights } from "../../src/cache/flights.ts";

const { signal } = new AbortController();

describe("a flight", () => {
  it("is shared by those who ask the same meanwhile, and starts anew afterwards", async () => {
    const flights = new Flights<number>();
    let starts = 0;
    const start = async (): Promise<number> => {
      starts += 1;
      return starts;
    };
    const both = [flights.join("a", start, signal), flights.join("a", start, signal)];
    expect(flights.running("a")).toBeDefined();
    expect(await Promise.all(both)).toEqual([1, 1]);
    expect(await flights.join("a", start, signal)).toBe(2);
  });

  it("goes on when one who waits leaves", async () => {
    const flights = new Flights<string>();
    const gate = Promise.withResolvers<string>();
    const leaving = new AbortController();
    const leaves = flights.join("a", () => gate.promise, leaving.signal);
    const stays = flights.join("a", () => gate.promise, signal);
    leaving.abort();
    await expect(leaves).rejects.toMatchObject({ code: "ABORTED" });
    await expect(flights.join("a", () => gate.promise, leaving.signal)).rejects.toThrow();
    gate.resolve("done");
    expect(await stays).toBe("done");
  });

  it("passes its failure to all, and ends when everything is closed", async () => {
    const flights = new Flights<string>();
    const failed = flights.join("a", () => Promise.reject(new Error("no")), signal);
    await expect(failed).rejects.toThrow("no");
    const start = (own: AbortSignal): Promise<string> =>
      new Promise((_, reject) => own.addEventListener("abort", () => reject(new Error("closed"))));
    const waiting = flights.join("b", start, signal);
    const rejected = expect(waiting).rejects.toThrow("closed");
    await flights.close();
    await rejected;
    expect(flights.running("b")).toBeUndefined();
  });
});
