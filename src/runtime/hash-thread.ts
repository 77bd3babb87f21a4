/** The thread in which long streams are hashed, as hashing.ts asks; what it is asked is what it does. */
import { createHash, type Hash } from "node:crypto";
import { constants, getPriority, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";

export type HashAsked = HashWork & {
  /** These are used no more: to be forgotten before the work. */
  readonly released: readonly number[];
};

export type HashWork =
  | { readonly what: "begin"; readonly to: number; readonly algorithm: string }
  | { readonly what: "copy"; readonly from: number; readonly to: number }
  | { readonly what: "nothing" }
  | {
      readonly what: "after";
      readonly from: number;
      readonly to: number;
      readonly bytes: Uint8Array;
    }
  | { readonly what: "digest"; readonly id: number };

/** Of "after" and "digest" alone; undefined: there is no such hash. */
export type HashTold = Uint8Array | undefined;

/** Where all cores have work, the event loop comes first: everybody waits for it, and for a hash one blob. */
const further = 5;

const done = new Uint8Array();

const hashes = new Map<number, Hash>();

giveWay();

parentPort?.on("message", (asked: HashAsked) => {
  const { what, released } = asked;
  for (const id of released) hashes.delete(id);
  if (what === "begin") hashes.set(asked.to, createHash(asked.algorithm));
  else if (what === "digest") tell(hashes.get(asked.id)?.copy().digest());
  else if (what !== "nothing") {
    const hash = hashes.get(asked.from)?.copy();
    if (what === "after") tell(hash?.update(asked.bytes) && done);
    if (hash !== undefined) hashes.set(asked.to, hash);
  }
});

function tell(told: HashTold): void {
  parentPort?.postMessage(told);
}

/** Linux takes a thread's number, or 0 for the one that asks; elsewhere it would be the whole process. */
function giveWay(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(0, Math.min(constants.priority.PRIORITY_LOW, getPriority(0) + further));
  } catch {
    // A sandbox that forbids it: no hash is worse for it.
  }
}
