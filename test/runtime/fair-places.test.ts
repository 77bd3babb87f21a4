import { describe, expect, it } from "vitest";
import { FairPlaces, type KeptPlaces } from "../../src/runtime/fair-places.ts";
import { TestClock } from "../support/test-clock.ts";

const never = new AbortController().signal;

function places(limit: number, kept?: KeptPlaces) {
  const clock = new TestClock();
  const fair = new FairPlaces(limit, clock.after, kept);
  const entered: string[] = [];
  const take = (who: string, signal = never) => {
    const asked = fair.take(who, {
      signal,
      milliseconds: 20_000,
      late: () => new Error("late"),
      ended: ({ reason }) => new Error("ended", { cause: reason }),
    });
    const place = asked.then((leave) => {
      entered.push(who);
      return leave;
    });
    place.catch(() => undefined);
    return place;
  };
  return { clock, fair, take, entered };
}

/** Lets everything go on that can. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("fair places", () => {
  it("leave room for nine others, whatever one asks for at once", async () => {
    const { take, entered } = places(256);
    for (let i = 0; i < 1_000; i++) void take("crowd");
    await turn();
    expect(entered.length).toBe(228);
    for (let i = 0; i < 9; i++) await take(`other ${i}`);
  });

  it("that are kept for newcomers are nobody's who has one, but the house's", async () => {
    const { take, entered } = places(32, { last: 16, house: "" });
    for (let i = 0; i < 20; i++) {
      void take("alice");
      void take("bob");
      void take("");
    }
    await turn();
    const held = (who: string) => entered.filter((one) => one === who).length;
    expect(held("alice") + held("bob")).toBeLessThanOrEqual(16);
    expect(held("")).toBeGreaterThan(5);
    await take("carol");
  });

  it("are all there for one client alone, though the house asks beside him", async () => {
    const { take, entered } = places(32, { last: 16, house: "" });
    void take("");
    for (let i = 0; i < 40; i++) void take("alice");
    await turn();
    expect(entered.filter((who) => who === "alice").length).toBeGreaterThan(24);
  });

  it("go next to who holds the fewest, whoever waits longest", async () => {
    const { take, entered } = places(4);
    const held = await Promise.all([take("a"), take("a"), take("a"), take("b")]);
    for (const who of ["a", "a", "b", "c"]) void take(who);
    await turn();
    entered.length = 0;
    for (const leave of held) {
      leave();
      await turn();
    }
    expect(entered).toEqual(["c", "a", "b", "a"]);
  });

  it("are given back once, however often that is said", async () => {
    const { fair, take, entered } = places(1);
    const leave = await take("a");
    leave();
    leave();
    const second = await take("a");
    void take("b");
    await turn();
    expect(entered).toEqual(["a", "a"]);
    second();
    await turn();
    expect(entered).toEqual(["a", "a", "b"]);
    expect(fair.isEmpty).toBe(false);
  });

  it.each([
    ["whose time is over", "late"],
    ["whose signal ends", "ended"],
  ])("go to nobody %s, and nobody is left in the books", async (_who, reason) => {
    const { clock, fair, take } = places(1);
    const leave = await take("a");
    const stop = new AbortController();
    const waiting = take("b", stop.signal);
    if (reason === "late") clock.pass(20_000);
    else stop.abort();
    // In the same tick: a place must not go to who has just given up.
    leave();
    await expect(waiting).rejects.toThrow(reason);
    expect([fair.isEmpty, clock.waiting]).toEqual([true, 0]);
    (await take("c"))();
    expect(fair.isEmpty).toBe(true);
  });

  it("are not waited for with a signal that has ended", async () => {
    const { fair, take } = places(1);
    await expect(take("a", AbortSignal.abort())).rejects.toThrow("ended");
    expect(fair.isEmpty).toBe(true);
  });
});
