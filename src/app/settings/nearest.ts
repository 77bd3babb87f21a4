/** The word that was probably meant, by the number of letters that would have to change. */

/** Undefined when nothing comes near. */
export function nearest(word: string, words: Iterable<string>): string | undefined {
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const candidate of words) {
    const found = distance(word, candidate);
    if (found < (best?.distance ?? Number.POSITIVE_INFINITY))
      best = { word: candidate, distance: found };
  }
  const tolerated = Math.max(2, Math.floor(word.length / 3));
  return best !== undefined && best.distance <= tolerated ? best.word : undefined;
}

/** `; did you mean x?`, or nothing. */
export function didYouMean(word: string, words: Iterable<string>): string {
  const meant = nearest(word, words);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function distance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= from.length; row += 1) {
    rows.push([row]);
    for (let column = 1; column <= to.length; column += 1) {
      rows[row]?.push(cheapest(rows, { from, to, row, column }));
    }
  }
  return rows.at(-1)?.at(-1) ?? 0;
}

type Cell = {
  readonly from: string;
  readonly to: string;
  readonly row: number;
  readonly column: number;
};

function cheapest(rows: readonly number[][], { from, to, row, column }: Cell): number {
  const at = (up: number, left: number): number =>
    rows[row - up]?.[column - left] ?? Number.POSITIVE_INFINITY;
  const replaced = at(1, 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
  const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
  const swapped = isSwap ? at(2, 2) + 1 : Number.POSITIVE_INFINITY;
  return Math.min(at(1, 0) + 1, at(0, 1) + 1, replaced, swapped);
}
