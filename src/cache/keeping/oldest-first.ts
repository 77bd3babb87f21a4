/** Sorts very many blobs by their last use, in parts small enough that nothing else has to wait. */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { KeptBlob } from "../../store/blob-store.ts";

const part = 4_000;

type SortedRun = { readonly blobs: readonly KeptBlob[]; next: number };

/** All of them, those not used for longest first, a part at a time. */
export async function* oldestFirst(blobs: readonly KeptBlob[]): AsyncIterable<KeptBlob[]> {
  const runs: SortedRun[] = [];
  for (let start = 0; start < blobs.length; start += part) {
    const run = blobs.slice(start, start + part).sort((a, b) => a.usedAt - b.usedAt);
    runs.push({ blobs: run, next: 0 });
    await yieldToOthers();
  }
  for (let merged = mergeSome(runs); merged.length > 0; merged = mergeSome(runs)) {
    yield merged;
    await yieldToOthers();
  }
}

/** The next `part` blobs of all runs together. */
function mergeSome(runs: readonly SortedRun[]): KeptBlob[] {
  const merged: KeptBlob[] = [];
  while (merged.length < part) {
    const run = oldestRun(runs);
    const blob = run?.blobs[run.next];
    if (run === undefined || blob === undefined) break;
    merged.push(blob);
    run.next += 1;
  }
  return merged;
}

function oldestRun(runs: readonly SortedRun[]): SortedRun | undefined {
  let oldest: SortedRun | undefined;
  let usedAt = Number.POSITIVE_INFINITY;
  for (const run of runs) {
    const blob = run.blobs[run.next];
    if (blob === undefined || blob.usedAt > usedAt) continue;
    oldest = run;
    usedAt = blob.usedAt;
  }
  return oldest;
}
