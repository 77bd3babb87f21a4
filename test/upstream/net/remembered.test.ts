import { describe, expect, it } from "vitest";
import { Remembered } from "../../../src/upstream/net/remembered.ts";
import { rejection } from "../rig.ts";

describe("a remembered answer", () => {
  it("is found out once at a time and kept for as long as it says", async () => {
    let now = 0;
    let found = 0;
    const answers = new Remembered<number>(() => now);
    const find = async () => ({ value: ++found, forMs: 100 });
    expect(
      await Promise.all([answers.get("a", "an owner", find), answers.get("a", "an owner", find)]),
    ).toEqual([1, 1]);
    now = 99;
    expect(answers.peek("a")).toBe(1);
    expect(await answers.get("a", "an owner", find)).toBe(1);
    now = 100;
    expect(answers.peek("a")).toBeUndefined();
    expect(await answers.get("a", "an owner", find)).toBe(2);
  });

  it("is not kept when it could not be found out", async () => {
    const answers = new Remembered<number>(() => 0);
    const failure = new Error("no answer");
    expect(await rejection(answers.get("a", "an owner", () => Promise.reject(failure)))).toBe(
      failure,
    );
    expect(await answers.get("a", "an owner", async () => ({ value: 7, forMs: 1 }))).toBe(7);
  });

  it("can be looked back at when it holds no more", async () => {
    let now = 0;
    const answers = new Remembered<number>(() => now);
    expect(answers.last("a")).toBeUndefined();
    await answers.get("a", "an owner", async () => ({ value: 7, forMs: 1 }));
    now = 5;
    expect([answers.peek("a"), answers.last("a")]).toEqual([undefined, 7]);
  });

  it("makes room for new ones by forgetting the oldest", async () => {
    const answers = new Remembered<number>(() => 0);
    for (let index = 0; index <= 5_000; index++) {
      await answers.get(`${index}`, "an owner", async () => ({ value: index, forMs: 1 }));
    }
    expect(answers.peek("0")).toBeUndefined();
    expect(answers.peek("1")).toBe(1);
  });

  it("outlives the 20,000 names that a stranger makes up below a domain of his", async () => {
    const answers = new Remembered<number>(() => 0);
    await answers.get("ghcr.io", "ghcr.io", async () => ({ value: 7, forMs: 1 }));
    for (let index = 0; index < 20_000; index++) {
      await answers.get(`${index}.evil.example`, "evil.example", async () => ({
        value: 0,
        forMs: 1,
      }));
    }
    expect(answers.peek("ghcr.io")).toBe(7);
  });
});
