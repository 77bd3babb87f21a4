/** What makes one transfer like the next: nobody still at work for the one before, and memory that is there. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

const look = 200;
const calmLooks = 3;
/** Ticks of 10 ms that the machine may work in one look. */
const calm = 4;
const mostLooks = 100;

/**
 * Resolves when the machine has done next to nothing for a moment, or after 20 s. docker-registry's proxy, for one,
 * fetches each blob a second time for its store, and is at it when its client is long gone.
 */
export async function quiet(): Promise<void> {
  let before = await busyTicks();
  for (let looks = 0, calmSince = 0; looks < mostLooks && calmSince < calmLooks; looks += 1) {
    await pause(look);
    const now = await busyTicks();
    calmSince = now - before <= calm ? calmSince + 1 : 0;
    before = now;
  }
}

async function busyTicks(): Promise<number> {
  const [all = ""] = (await readFile("/proc/stat", "utf8")).split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = all
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + irq + softIrq;
}

const mebibyte = Buffer.alloc(1024 * 1024, 7);

/**
 * Takes memory for so many MiB of files and gives it back. A virtual machine's host takes away what is free for
 * a while, and a page that it has to find again costs thirty times as much as one that is there.
 */
export function touchMemory(folder: string, mebibytes: number): void {
  const path = `${folder}/memory`;
  const file = openSync(path, "w");
  for (let count = 0; count < mebibytes; count += 1) writeSync(file, mebibyte);
  closeSync(file);
  rmSync(path);
}
