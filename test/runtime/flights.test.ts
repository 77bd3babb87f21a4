import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Flights, unlessAborted } from "../../src/runtime/flights.ts";
import { abortedBy } from "../../src/upstream/upstream-deadline.ts";

const never = new AbortController().signal;

describe("work for many", () => {
  it("is done once for all who join, and again for who comes after", async () => {
    const flights = new Flights<number>();
    const gate = Promise.withResolvers<void>();
    let started = 0;
    const start = async () => {
      started += 1;
      await gate.promise;
      return started;
    };
    const all = [flights.join("a", start), flights.join("a", start), flights.join("b", start)];
    gate.resolve();
    expect(await Promise.all(all)).toEqual([2, 2, 2]);
    expect(await flights.join("a", start)).toBe(3);
  });

  it("outlives a waiter who leaves", async () => {
    const flights = new Flights<string>();
    const gate = Promise.withResolvers<string>();
    const leaving = new AbortController();
    const work = flights.join("a", () => gate.promise);
    const left = unlessAborted(work, leaving.signal, abortedBy("a.example"));
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: "ABORTED", host: "a.example" });
    await expect(unlessAborted(work, leaving.signal, abortedBy(""))).rejects.toMatchObject({
      code: "ABORTED",
    });
    gate.resolve("done");
    expect(await unlessAborted(work, never, abortedBy(""))).toBe("done");
  });

  it("ends with the last of those who may leave, and begins anew for who comes then", async () => {
    const flights = new Flights<string>();
    const lives: AbortSignal[] = [];
    const start = (life: AbortSignal) => {
      lives.push(life);
      return new Promise<string>((_done, fail) => {
        life.addEventListener("abort", () => fail(new Error("aborted")));
      });
    };
    const [one, other] = [new AbortController(), new AbortController()];
    const work = flights.joinUntil(one.signal, "a", start);
    expect(flights.joinUntil(other.signal, "a", start)).toBe(work);
    one.abort();
    expect(lives.map(({ aborted }) => aborted)).toEqual([false]);
    other.abort();
    await expect(work).rejects.toThrow("aborted");
    void flights.joinUntil(never, "a", start).catch(() => undefined);
    expect(lives.map(({ aborted }) => aborted)).toEqual([true, false]);
    await flights.close();
    expect(lives[1]?.aborted).toBe(true);
  });

  it("goes on for one who cannot leave", async () => {
    const flights = new Flights<string>();
    const gate = Promise.withResolvers<string>();
    const leaving = new AbortController();
    const work = flights.joinUntil(leaving.signal, "a", () => gate.promise);
    void flights.join("a", () => gate.promise);
    leaving.abort();
    gate.resolve("done");
    expect(await work).toBe("done");
  });

  it("passes its failure to all who wait, and starts anew afterwards", async () => {
    const flights = new Flights<string>();
    const fail = () => Promise.reject(new Error("no"));
    const both = [flights.join("a", fail), flights.join("a", fail)];
    for (const one of both) await expect(one).rejects.toThrow("no");
    expect(await flights.join("a", async () => "yes")).toBe("yes");
  });

  it("tells its waiters of a bug, and nobody else: no upstream that finds one stops the program", async () => {
    const unhandled: unknown[] = [];
    const others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", (reason) => unhandled.push(reason));
    try {
      const bug = new TypeError("x is undefined");
      const work = new Flights<string>().join("a", () => Promise.reject(bug));
      await expect(work).rejects.toBe(bug);
      await nextTurn();
      expect(unhandled).toEqual([]);
    } finally {
      process.removeAllListeners("unhandledRejection");
      for (const listener of others) process.on("unhandledRejection", listener);
    }
  });

  it("ends with the house, whether or not anybody waits", async () => {
    const flights = new Flights<string>();
    void flights.join("a", (life) => {
      const ended = Promise.withResolvers<string>();
      life.addEventListener("abort", () => ended.reject(new Error("closed")));
      return ended.promise;
    });
    await flights.close();
  });
});
