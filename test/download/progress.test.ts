import { describe, expect, it } from "vitest";
import { Progress } from "../../src/download/progress.ts";

const forever = new AbortController().signal;
const held = 64 * 1024;

function mark(): Progress {
  return new Progress(async () => 0);
}

describe("a mark", () => {
  it("tells which bytes are waited for", async () => {
    const awaited: number[] = [];
    const growing = new Progress(
      async () => 0,
      (position) => awaited.push(position),
    );
    const wait = growing.wait(10, forever);
    growing.fail(new Error("over"));
    await wait;
    await growing.wait(20, forever);
    expect(awaited).toEqual([10]);
  });

  it("wakes who waits for a byte once that byte may go out", async () => {
    const growing = mark();
    growing.declare(held + 100);
    const wait = growing.wait(10, forever);
    growing.advance(10);
    expect(growing.released).toBe(10);
    growing.advance(11);
    await wait;
    expect(growing).toMatchObject({ written: 11, released: 11, ended: undefined });
  });

  it("leaves who waits in the tail asleep until everything is right", async () => {
    const growing = mark();
    growing.declare(held + 100);
    let isAwake = false;
    const wait = growing.wait(100, forever).then(() => {
      isAwake = true;
    });
    growing.advance(held + 100);
    await new Promise(setImmediate);
    expect(isAwake).toBe(false);
    growing.complete();
    await wait;
    expect(growing.released).toBe(held + 100);
  });

  it("releases more when the length becomes known", () => {
    const growing = mark();
    growing.advance(held + 10);
    expect(growing.released).toBe(10);
    growing.declare(3 * held);
    expect(growing.released).toBe(held + 10);
  });

  it("releases nothing more once it failed, and wakes everybody", async () => {
    const growing = mark();
    growing.declare(2 * held);
    const wait = growing.wait(held, forever);
    growing.advance(5);
    growing.fail(new Error("broken"));
    await wait;
    await growing.wait(held, forever);
    expect(growing).toMatchObject({ released: 5, ended: { message: "broken" } });
  });

  it("stays complete", () => {
    const growing = mark();
    growing.complete();
    growing.fail(new Error("too late"));
    expect(growing).toMatchObject({ ended: "complete", size: 0 });
  });
});
