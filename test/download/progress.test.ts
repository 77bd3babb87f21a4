import { describe, expect, it } from "vitest";
import { Progress } from "../../src/download/progress.ts";

const forever = new AbortController().signal;
const held = 64 * 1024;
const whole = (start: number) => ({ start, end: undefined, isPart: false });
const part = (start: number) => ({ start, end: start + 10, isPart: true });

describe("progress", () => {
  it("wakes who waits for a byte once that byte may go out", async () => {
    const progress = new Progress();
    progress.declare(held + 100);
    const wait = progress.wait(whole(10), forever);
    progress.add(0, 10);
    expect(progress.releasedFor(whole(0))).toBe(10);
    progress.add(10, 11);
    await wait;
    expect(progress.releasedFor(whole(0))).toBe(11);
    expect(progress).toMatchObject({ written: 11, ended: undefined });
  });

  it("leaves who waits in the tail asleep until everything is right", async () => {
    const progress = new Progress();
    progress.declare(held + 100);
    let isAwake = false;
    const wait = progress.wait(whole(100), forever).then(() => {
      isAwake = true;
    });
    progress.add(0, held + 100);
    await new Promise(setImmediate);
    expect(isAwake).toBe(false);
    progress.complete();
    await wait;
    expect(progress.releasedFor(whole(0))).toBe(held + 100);
  });

  it("releases more when the length becomes known", () => {
    const progress = new Progress();
    progress.add(0, held + 10);
    expect(progress.releasedFor(whole(0))).toBe(10);
    progress.declare(3 * held);
    expect(progress.releasedFor(whole(0))).toBe(held + 10);
  });

  it("releases nothing more once it failed, and wakes everybody", async () => {
    const progress = new Progress();
    progress.declare(2 * held);
    const wait = progress.wait(whole(held), forever);
    progress.add(0, 5);
    progress.fail(new Error("broken"));
    await wait;
    await progress.wait(whole(held), forever);
    expect(progress.releasedFor(whole(0))).toBe(5);
    expect(progress).toMatchObject({ ended: { message: "broken" } });
  });

  it("gives a part at once what is there of it, wherever that is", async () => {
    const progress = new Progress();
    progress.declare(2 * held);
    const wait = progress.wait(part(2 * held - 10), forever);
    progress.add(2 * held - 20, 2 * held);
    await wait;
    expect(progress.releasedFor(part(2 * held - 10))).toBe(2 * held);
    expect(progress.releasedFor(whole(2 * held - 10))).toBe(2 * held - 10);
    expect(progress).toMatchObject({ written: 0, received: 20, isHalf: false });
    progress.add(0, held);
    expect(progress).toMatchObject({ written: held, isHalf: true });
  });

  it("wakes who wants a part when it is known to be none of the whole", async () => {
    const progress = new Progress();
    const wait = progress.wait(whole(5), forever);
    progress.declare(2 * held);
    await wait;
  });

  it("gives nothing of what an earlier download left before somebody is let in", async () => {
    const progress = new Progress();
    progress.addLeft([{ start: 0, end: 100 }]);
    progress.declare(2 * held);
    expect(progress.releasedFor(whole(0))).toBe(0);
    const wait = progress.wait(whole(0), forever);
    progress.admit();
    await wait;
    expect(progress.releasedFor(whole(0))).toBe(100);
  });

  it("stays complete", () => {
    const progress = new Progress();
    progress.complete();
    progress.fail(new Error("too late"));
    expect(progress).toMatchObject({ ended: "complete", size: 0 });
  });
});
