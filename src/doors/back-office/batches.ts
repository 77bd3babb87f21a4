/** A crowd asks for thousands of names in half a minute: what is written of it, so much in one turn. */
import type { Batch, ImageNews, PartsOf } from "../../store/catalogue-store.ts";

const imagesAtATime = 500;
/** Of what images are made of. */
const partsAtATime = 1_000;

/** As few batches as hold up nobody; all but the first are without sums. */
export function batchesOf({ at, images, parts, sums }: Batch): readonly Batch[] {
  const someImages = slices(images, () => 1, imagesAtATime);
  const someParts = slices(parts, (one) => one.parts.length, partsAtATime);
  const count = Math.max(1, someImages.length, someParts.length);
  return Array.from({ length: count }, (_, index) => ({
    ...{ at, images: someImages[index] ?? [], parts: someParts[index] ?? [] },
    sums: index === 0 ? sums : [],
  }));
}

function slices<T extends ImageNews | PartsOf>(
  all: readonly T[],
  weightOf: (one: T) => number,
  most: number,
): readonly (readonly T[])[] {
  const cut: T[][] = [];
  let weight = most;
  for (const one of all) {
    if (weight >= most) {
      cut.push([]);
      weight = 0;
    }
    cut.at(-1)?.push(one);
    weight += weightOf(one);
  }
  return cut;
}
