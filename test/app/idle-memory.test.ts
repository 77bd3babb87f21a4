import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { IdleMemory, ownMemory } from "../../src/app/idle-memory.ts";
import { SteppedClock } from "../support/stepped-clock.ts";

const MiB = 1024 * 1024;

function watched() {
  const clock = new SteppedClock();
  const state = { worked: 0, heap: 40 * MiB, collected: 0 };
  const memory = new IdleMemory({
    after: clock.after,
    worked: () => state.worked,
    heap: () => state.heap,
    collect: () => {
      state.collected += 1;
    },
  });
  const pass = (worked: number, milliseconds: number): number => {
    state.worked += worked;
    clock.pass(milliseconds);
    return state.collected;
  };
  const tenSeconds = (worked: number): number => pass(worked, 10_000);
  return { clock, state, memory, pass, tenSeconds };
}

it("garbage is looked for once after work, and not again while nothing is done", () => {
  const { pass, tenSeconds } = watched();
  // A start is work too, and is over within seconds.
  expect([pass(3_000, 2_000), tenSeconds(10), tenSeconds(10), tenSeconds(10)]).toEqual([
    ...[0, 1, 1, 1],
  ]);
  expect([tenSeconds(9_000), tenSeconds(9_000), tenSeconds(400), tenSeconds(0)]).toEqual([
    ...[1, 1, 1, 1],
  ]);
  expect([tenSeconds(0), tenSeconds(0)]).toEqual([2, 2]);
});

it("who pulls once in half a minute does not lose the compiled code each time", () => {
  const { pass, tenSeconds } = watched();
  expect([pass(0, 2_000), tenSeconds(0)]).toEqual([1, 1]);
  for (let pull = 0; pull < 20; pull += 1)
    expect([tenSeconds(900), tenSeconds(0), tenSeconds(0)]).toEqual([1, 1, 1]);
  expect(tenSeconds(0)).toBe(2);
});

it("a start's garbage is collected as soon as the start is over, however long it took", () => {
  const { pass, tenSeconds } = watched();
  expect([pass(1_900, 2_000), pass(1_200, 2_000), pass(500, 2_000), pass(20, 2_000)]).toEqual([
    ...[0, 0, 0, 1],
  ]);
  expect([pass(0, 2_000), tenSeconds(0)]).toEqual([1, 1]);
});

it("what light work leaves over hours is collected when it has become much", () => {
  const { state, tenSeconds } = watched();
  expect(tenSeconds(0)).toBe(1);
  state.heap += 16 * MiB;
  expect(tenSeconds(400)).toBe(1);
  state.heap += 1;
  expect(tenSeconds(400)).toBe(2);
});

it("nobody looks any more once it is stopped", () => {
  const { clock, memory, tenSeconds } = watched();
  memory.stop();
  expect([tenSeconds(0), clock.waiting]).toEqual([0, 0]);
});

it("what a burst left in this process is given back", () => {
  const { collect, heap, worked } = ownMemory(process);
  let burst: unknown[] | undefined = Array.from({ length: 1_500_000 }, (_, index) => ({ index }));
  const full = heap();
  expect(burst.length).toBe(1_500_000);
  burst = undefined;
  collect();
  expect(heap()).toBeLessThan(full - 16 * MiB);
  expect(worked()).toBeGreaterThan(0);
});

it("the room for new objects is given back too, just after many were made", () => {
  // In a process that has nothing else in its heap, as after a start.
  const source = new URL("../../src/app/idle-memory.ts", import.meta.url);
  const script = `
    import { getHeapSpaceStatistics } from "node:v8";
    import { ownMemory } from "${source}";
    const isNew = ({ space_name }) => space_name === "new_space";
    const room = () => getHeapSpaceStatistics().find(isNew).physical_space_size;
    const { collect } = ownMemory(process);
    let kept = [];
    for (let index = 0; index < 400_000; index += 1) {
      kept.push({ text: "object " + index });
      if (kept.length > 50_000) kept = kept.slice(25_000);
    }
    const grown = room();
    collect();
    console.log(grown, room());`;
  const said = execFileSync(process.execPath, ["--input-type=module", "--eval", script]);
  const [grown = 0, left = Number.NaN] = String(said).split(" ").map(Number);
  expect([grown > 4 * MiB, left <= 2 * MiB], String(said)).toEqual([true, true]);
});
