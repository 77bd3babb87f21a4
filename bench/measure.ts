/** Medians of interleaved pairs: what is compared runs in turn, so that both meet the same machine. */

import { setTimeout as pause } from "node:timers/promises";

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** In an order of chance: who comes first must not decide. */
export function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ value }) => value);
}

export type Pair = { readonly ours: number; readonly theirs: number; readonly ratio: number };

/** Runs peer and product in turn `pairs` times after one unmeasured pair; the ratio is the median of pairs. */
export async function pairs(
  count: number,
  theirs: () => Promise<number>,
  ours: () => Promise<number>,
): Promise<Pair> {
  await theirs();
  await ours();
  const seen: { ours: number; theirs: number }[] = [];
  for (let index = 0; index < count; index += 1) {
    const peer = await theirs();
    seen.push({ theirs: peer, ours: await ours() });
  }
  return {
    ours: median(seen.map((pair) => pair.ours)),
    theirs: median(seen.map((pair) => pair.theirs)),
    ratio: median(seen.map((pair) => pair.ours / pair.theirs)),
  };
}

/** What one way of doing it came to, each round. */
export type Round = { readonly value: number; readonly cpu: number };

/**
 * Runs several ways in turn, in another order each round and with a pause in between, after one round
 * that is not counted: what is always first or last meets another machine than the others.
 */
export async function shuffledRounds<Name extends string>(
  count: number,
  ways: Readonly<Record<Name, () => Promise<Round>>>,
): Promise<Readonly<Record<Name, readonly Round[]>>> {
  const names = Object.keys(ways) as Name[];
  const seen = Object.fromEntries(names.map((name): [Name, Round[]] => [name, []])) as Record<
    Name,
    Round[]
  >;
  for (let round = -1; round < count; round += 1) {
    const order = names.map((name) => ({ name, key: Math.random() }));
    for (const { name } of order.sort((one, other) => one.key - other.key)) {
      const result = await ways[name]();
      if (round >= 0) seen[name].push(result);
      await pause(700);
    }
  }
  return seen;
}

/** The median of the rounds' ratios. */
export function ratioOf(
  ours: readonly Round[],
  theirs: readonly Round[],
  of: keyof Round = "value",
): number {
  return median(ours.map((round, index) => round[of] / (theirs[index]?.[of] ?? Number.NaN)));
}

/** One line of the table. `bar` in words; `isMet` undefined when the row only informs. */
export type Row = {
  readonly work: string;
  readonly ours: string;
  readonly peer: string;
  readonly ratio: string;
  readonly bar: string;
  readonly isMet: boolean | undefined;
};

export const fixed = (value: number, digits = 2): string => value.toFixed(digits);
export const megabytes = (bytesPerSecond: number): string =>
  `${(bytesPerSecond / 1e6).toFixed(0)} MB/s`;

/** A bar of 1.0 is met at 0.95: what nine pairs on a shared machine can tell apart. */
export const tolerance = 0.95;
