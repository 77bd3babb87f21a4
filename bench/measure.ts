/** Medians of interleaved pairs: what is compared runs in turn, so that both meet the same machine. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
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
