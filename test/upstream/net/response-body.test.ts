import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { ResponseBody } from "../../../src/upstream/net/response-body.ts";
import { WideBodies } from "../../../src/upstream/net/wide-bodies.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const record = Buffer.alloc(16 * 1024, "x");

class Source {
  isPaused = false;
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  abort(): void {
    this.isPaused = true;
  }
}

/** One that comes fast, and of which a reader wants more than there is. */
function fastBody(wide: WideBodies): { readonly body: ResponseBody; readonly source: Source } {
  const source = new Source();
  const body = new ResponseBody({
    controller: source as never,
    release: () => undefined,
    after: new SteppedClock().after,
    size: 64 * 1024 * 1024,
    wide,
  });
  body.on("data", () => undefined);
  // For the first time it learns that somebody gives pieces back, then that they are full.
  for (let times = 0; times < 2; times += 1) body.giveBack(Buffer.alloc(256 * 1024));
  return { body, source };
}

/** KiB that come before it wants no more in this turn. */
function turnOf({ body, source }: ReturnType<typeof fastBody>): number {
  let records = 0;
  for (; !source.isPaused; records += 1) body.gather(record);
  return (records * record.length) / 1024;
}

it("what comes fast leaves room in each turn for others: half a MiB comes of all that take part", async () => {
  const wide = new WideBodies(new SteppedClock().after);
  const first = fastBody(wide);
  expect(turnOf(first)).toBe(512);
  await nextTurn();
  expect(first.source.isPaused).toBe(false);
  const second = fastBody(wide);
  expect(turnOf(first) + turnOf(second)).toBe(512 + 256);
  await nextTurn();
  expect([turnOf(first), turnOf(second)]).toEqual([256, 256]);
  await nextTurn();
  // Who takes nothing, since his reader has stopped, leaves his share after the turn in which that shows.
  expect(turnOf(first)).toBe(256);
  await nextTurn();
  expect(turnOf(first)).toBe(512);
});

it("a fast body that was let go asks for nothing in the next turn", async () => {
  const { body, source } = fastBody(new WideBodies(new SteppedClock().after));
  expect(turnOf({ body, source })).toBe(512);
  body.destroy();
  await nextTurn();
  expect(source.isPaused).toBe(true);
});
