/**
 * Keeps garbage small, and gives back what a burst took. V8 looks for garbage when more is asked of it,
 * and nobody asks an idle process for anything: so after work, once there is next to none, it is told to
 * look, one time. Not between two pulls, though: compiled code goes with the garbage, and whoever comes next
 * pays for it.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock } from "../runtime/clock.ts";

export type IdleMemoryParts = {
  readonly after: Clock["after"];
  /** Milliseconds of work that the process has done, in all its threads. */
  readonly worked: () => number;
  /** Bytes that the heap takes of the system, garbage and all. */
  readonly heap: () => number;
  readonly collect: () => void;
};

const interval = 10_000;
/** A start leaves much garbage, and is over within seconds. */
const whileStarting = 2_000;
/** A twentieth of one core. */
const idle = 1 / 20;
/** Times that it has to be found idle in a row. A start is over at once. */
const rests = 3;
/** Work too light to be seen leaves garbage too. */
const muchGarbage = 16 * 1024 * 1024;
/** Of the heap that lives, in per cent: so much garbage, and all of it is looked at. */
const mostGarbage = 50;

export class IdleMemory {
  readonly #parts: IdleMemoryParts;
  #worked: number;
  #heap = 0;
  #isOwed = true;
  #rests = 0;
  #interval = whileStarting;
  #cancel: () => void;

  constructor(parts: IdleMemoryParts) {
    this.#parts = parts;
    this.#worked = parts.worked();
    this.#cancel = parts.after(whileStarting, this.#look);
  }

  stop(): void {
    this.#cancel();
  }

  readonly #look = (): void => {
    const { after, worked, heap, collect } = this.#parts;
    const now = worked();
    const isIdle = now - this.#worked <= idle * this.#interval;
    this.#worked = now;
    this.#rests = isIdle ? this.#rests + 1 : 0;
    this.#isOwed ||= !isIdle || heap() > this.#heap + muchGarbage;
    const isStarting = this.#interval === whileStarting;
    if (this.#isOwed && this.#rests >= (isStarting ? 1 : rests)) {
      collect();
      this.#isOwed = false;
      this.#heap = heap();
      this.#interval = interval;
    }
    this.#cancel = after(this.#interval, this.#look);
  };
}

/** Those of this process, whose garbage V8 would let grow to several times what lives before it looks. */
export function ownMemory(process: NodeJS.Process): Omit<IdleMemoryParts, "after"> {
  setFlagsFromString(`--heap-growing-percent=${mostGarbage}`);
  const collector = garbageCollector();
  const heap = (): number => process.memoryUsage().heapTotal;
  return {
    worked: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    heap,
    collect: () => collector(heap() <= smallHeap ? [thorough] : []),
  };
}

/**
 * Gives back the room for new objects too, 16 MiB of it after a start, which V8 else does only where few
 * were made in the last seconds, and what lies between those that live. It looks twice, and that takes long where
 * much lives: 140 ms for 56 MiB of a heap of 120.
 */
const thorough = { type: "major", execution: "sync", flavor: "last-resort" };
const smallHeap = 256 * 1024 * 1024;

/** Node lends it to contexts that are made after the flag was set, and to no other. */
function garbageCollector(): (options: readonly unknown[]) => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("globalThis.gc");
  setFlagsFromString("--no-expose-gc");
  return typeof collect === "function"
    ? (options) => void Reflect.apply(collect, undefined, options)
    : () => undefined;
}
