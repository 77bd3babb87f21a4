import { describe, expect, it } from "vitest";
import { Progress } from "../../src/download/progress.ts";

const forever = new AbortController().signal;
const held = 64 * 1024;

describe("progress", () => {
  it("wakes who waits for a byte once that byte may go out", async () => {
    const progress = new Progress();
    progress.declare(held + 100);
    const wait = progress.wait(10, forever);
    progress.advance(10);
    expect(progress.released).toBe(10);
    progress.advance(11);
    await wait;
    expect(progress).toMatchObject({ written: 11, released: 11, ended: undefined });
  });

  it("leaves who waits in the tail asleep until everything is right", async () => {
    const progress = new Progress();
    progress.declare(held + 100);
    let isAwake = false;
    const wait = progress.wait(100, forever).then(() => {
      isAwake = true;
    });
    progress.advance(held + 100);
    await new Promise(setImmediate);
    expect(isAwake).toBe(false);
    progress.complete();
    await wait;
    expect(progress.released).toBe(held + 100);
  });

  it("releases more when the length becomes known", () => {
    const progress = new Progress();
    progress.advance(held + 10);
    expect(progress.released).toBe(10);
    progress.declare(3 * held);
    expect(progress.released).toBe(held + 10);
  });

  it("releases nothing more once it failed, and wakes everybody", async () => {
    const progress = new Progress();
    progress.declare(2 * held);
    const wait = progress.wait(held, forever);
    progress.advance(5);
    progress.fail(new Error("broken"));
    await wait;
    await progress.wait(held, forever);
    expect(progress).toMatchObject({ released: 5, ended: { message: "broken" } });
  });

  it("stays complete", () => {
    const progress = new Progress();
    progress.complete();
    progress.fail(new Error("too late"));
    expect(progress).toMatchObject({ ended: "complete", size: 0 });
  });
});
