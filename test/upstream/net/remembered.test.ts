import { describe, expect, it } from "vitest";
import { Remembered } from "../../../src/upstream/net/remembered.ts";
import { rejection } from "../rig.ts";

const seven = { value: 7, forMs: 1, owner: "an owner" };

describe("a remembered answer", () => {
  it("is found out once at a time and kept for as long as it says", async () => {
    let now = 0;
    let found = 0;
    const answers = new Remembered<number>(() => now);
    const find = async () => ({ value: ++found, forMs: 100, owner: "an owner" });
    expect(await Promise.all([answers.get("a", find), answers.get("a", find)])).toEqual([1, 1]);
    now = 99;
    expect(answers.peek("a")).toBe(1);
    expect(await answers.get("a", find)).toBe(1);
    now = 100;
    expect(answers.peek("a")).toBeUndefined();
    expect(await answers.get("a", find)).toBe(2);
  });

  it("is not kept when it could not be found out", async () => {
    const answers = new Remembered<number>(() => 0);
    const failure = new Error("no answer");
    expect(await rejection(answers.get("a", () => Promise.reject(failure)))).toBe(failure);
    expect(await answers.get("a", async () => seven)).toBe(7);
  });

  it("can be looked back at when it holds no more", async () => {
    let now = 0;
    const answers = new Remembered<number>(() => now);
    expect(answers.last("a")).toBeUndefined();
    await answers.get("a", async () => seven);
    now = 5;
    expect([answers.peek("a"), answers.last("a")]).toEqual([undefined, 7]);
  });

  it("makes room for new ones by forgetting the oldest", async () => {
    const answers = new Remembered<number>(() => 0);
    for (let index = 0; index <= 5_000; index++) {
      await answers.get(`${index}`, async () => ({ ...seven, value: index }));
    }
    expect(answers.peek("0")).toBeUndefined();
    expect(answers.peek("1")).toBe(1);
  });

  it("outlives the 20,000 names that a stranger makes up below a domain of his", async () => {
    const answers = new Remembered<number>(() => 0);
    await answers.get("ghcr.io", async () => ({ ...seven, owner: "ghcr.io" }));
    for (let index = 0; index < 20_000; index++) {
      await answers.get(`${index}.evil.example`, async () => ({ ...seven, owner: "evil.example" }));
    }
    expect(answers.peek("ghcr.io")).toBe(7);
  });
});
