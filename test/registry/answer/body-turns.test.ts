import { describe, expect, it } from "vitest";
import { BodyTurns } from "../../../src/registry/answer/body-turns.ts";

const KiB = 1024;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What of so many pieces has left, by client, after each turn of the event loop. */
async function leftAfter(turns: BodyTurns, pieces: readonly string[], count: number) {
  const left: string[] = [];
  for (const client of pieces) {
    const wait = turns.take(client, { bytes: 64 * KiB, isFirst: false });
    if (wait === undefined) left.push(client);
    else void wait.then(() => left.push(client));
  }
  const seen = [left.length];
  for (let index = 0; index < count; index += 1) {
    await turn();
    seen.push(left.length);
  }
  return { left, seen };
}

describe("the turns of bodies", () => {
  it("let one reader go on at once, and all who are few", async () => {
    const turns = new BodyTurns();
    expect(turns.take("a", { bytes: 256 * KiB, isFirst: true })).toBeUndefined();
    expect(turns.take("b", { bytes: 256 * KiB, isFirst: true })).toBeUndefined();
  });

  it("let 1 MiB of a crowd's leave in each turn of the loop, and no more", async () => {
    const pieces = Array.from({ length: 70 }, () => "crowd");
    const { seen } = await leftAfter(new BodyTurns(), pieces, 5);
    expect(seen).toEqual([16, 32, 48, 64, 70, 70]);
  });

  it("let who has one reader go before the second of who has a hundred", async () => {
    const pieces = [...Array.from({ length: 100 }, () => "crowd"), "other"];
    const { left } = await leftAfter(new BodyTurns(), pieces, 1);
    // The first sixteen found nobody waiting.
    expect(left.slice(16, 18)).toEqual(["crowd", "other"]);
  });

  it("leave room in a turn in which somebody came, and go on in the next", async () => {
    const turns = new BodyTurns();
    turns.makeWay();
    const pieces = Array.from({ length: 70 }, () => "crowd");
    const { seen } = await leftAfter(turns, pieces, 2);
    expect(seen).toEqual([16, 18, 34]);
  });

  it("never keep an answer waiting that is small", async () => {
    const turns = new BodyTurns();
    const { left } = await leftAfter(
      turns,
      Array.from({ length: 100 }, () => "crowd"),
      0,
    );
    expect(left.length).toBe(16);
    expect(turns.take("other", { bytes: 16 * KiB, isFirst: true })).toBeUndefined();
  });

  it("let no more of a crowd's second pieces leave because each is small", async () => {
    const turns = new BodyTurns();
    let left = 0;
    for (let count = 0; count < 100; count += 1) {
      const wait = turns.take("crowd", { bytes: 16 * KiB, isFirst: false });
      if (wait === undefined) left += 1;
    }
    expect(left).toBe(64);
  });

  it("give a crowd's first pieces seven eighths of each turn, and let who has begun go on", async () => {
    const turns = new BodyTurns();
    const left: string[] = [];
    const want = (what: string, isFirst: boolean): void => {
      const wait = turns.take(what, { bytes: 128 * KiB, isFirst });
      if (wait === undefined) left.push(what);
      else void wait.then(() => left.push(what));
    };
    for (let count = 0; count < 20; count += 1) want("next", false);
    for (let count = 0; count < 17; count += 1) want("first", true);
    const seen: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      const gone = left.splice(0);
      const firsts = gone.filter((what) => what === "first").length;
      seen.push(`${firsts} first, ${gone.length - firsts} next`);
      await turn();
    }
    expect(seen).toEqual([
      "0 first, 8 next",
      "7 first, 1 next",
      "7 first, 1 next",
      "3 first, 5 next",
      "0 first, 5 next",
    ]);
  });

  it("give readers all of a turn but what its newcomers take, when one comes in each", async () => {
    const turns = new BodyTurns();
    let next = 0;
    const read = (): void => {
      const wait = turns.take("reader", { bytes: 64 * KiB, isFirst: false });
      if (wait === undefined) next += 1;
      else void wait.then(() => (next += 1));
    };
    for (let count = 0; count < 100; count += 1) read();
    const seen: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      next = 0;
      void turns.take("newcomer", { bytes: 256 * KiB, isFirst: true });
      await turn();
      seen.push(next);
    }
    expect(seen).toEqual([12, 12, 12, 12]);
  });

  it("take nothing of a turn for the pieces of who begins and leaves, a hundred times", async () => {
    const turns = new BodyTurns();
    const left: string[] = [];
    const want = (client: string, hasLeft: () => boolean): void => {
      const piece = { bytes: 256 * KiB, isFirst: false, hasLeft };
      void turns.take(client, piece)?.then(() => left.push(client));
    };
    for (let count = 0; count < 4; count += 1) want("before", () => false);
    for (let count = 0; count < 100; count += 1) want(`leaver ${count}`, () => true);
    for (let count = 0; count < 4; count += 1) want("reader", () => false);
    await turn();
    expect(left.filter((client) => client === "reader")).toHaveLength(4);
    // Each hears of it, so that it ends.
    expect(left).toHaveLength(104);
  });
});
