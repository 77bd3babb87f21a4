/** Bytes that come so slowly that they might as well not come. */
import type { Clock } from "../../runtime/clock.ts";
import { StoreError } from "../store-error.ts";

/** Milliseconds of waiting, and the bytes that have to come in them. */
const stretch = 5_000;
const fewest = 64 * 1024;

/** The same bytes; throws StoreError ARCHIVE where the archive stops giving them in earnest. What the reader takes is not counted. */
export async function* inEarnest(
  body: AsyncIterable<Uint8Array>,
  clock: Pick<Clock, "steady">,
): AsyncGenerator<Uint8Array> {
  let [waited, bytes, from] = [0, 0, clock.steady()];
  for await (const chunk of body) {
    waited += clock.steady() - from;
    bytes += chunk.length;
    yield chunk;
    if (waited >= stretch) {
      if (bytes < fewest)
        throw new StoreError("ARCHIVE", `the archive gave ${bytes} bytes in ${stretch / 1_000} s`);
      [waited, bytes] = [0, 0];
    }
    from = clock.steady();
  }
}
