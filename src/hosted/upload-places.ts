/**
 * How many uploads may be open, and whose goes when there is no place left: of whoever has most, so that
 * those whom nobody goes on with push out each other, and nobody else's.
 */
import { headerList } from "../protocol/http/header-list.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import type { Upload } from "./upload.ts";

type Counted = {
  /** Whose uploads are counted together: a login's, or an address's that has none. */
  readonly client: string;
};

type Open = {
  readonly uploads: readonly Upload[];
  /** Whose files are being made. */
  readonly beginning: readonly Counted[];
};

const most = 1_000;
const shareOfOne = 0.256;
/** An upload ends at any time; those that nobody uses are looked for each minute. */
const comeAgain = "60";

export class UploadPlaces {
  readonly #all: number;

  constructor(all: number = most) {
    this.#all = Math.min(all, most);
  }

  /**
   * The upload that has to go for one more of this client, if any has to. Throws RegistryError
   * TOOMANYREQUESTS when he has too many, or when none may go.
   */
  leaving({ uploads, beginning }: Open, client: string): Upload | undefined {
    const counts = countsOf([...uploads, ...beginning]);
    const own = counts.get(client) ?? 0;
    if (own >= Math.ceil(this.#all * shareOfOne)) throw tooMany();
    if (uploads.length + beginning.length < this.#all) return undefined;
    counts.set(client, own + 1);
    let first: Upload | undefined;
    for (const upload of uploads) {
      // Who would have more than another takes nothing of his.
      if (upload.isBusy || (counts.get(upload.client) ?? 0) <= own) continue;
      if (first === undefined || isSooner(upload, first, counts, client)) first = upload;
    }
    if (first === undefined) throw tooMany();
    return first;
  }
}

function countsOf(open: readonly Counted[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { client } of open) counts.set(client, (counts.get(client) ?? 0) + 1);
  return counts;
}

/** Of whoever has most, the newcomer himself where others have as many; what holds nothing, then what is oldest. */
function isSooner(
  one: Upload,
  other: Upload,
  counts: ReadonlyMap<string, number>,
  newcomer: string,
): boolean {
  const order = [
    (counts.get(one.client) ?? 0) - (counts.get(other.client) ?? 0),
    Number(one.client === newcomer) - Number(other.client === newcomer),
    Number(one.written === 0) - Number(other.written === 0),
    one.idle - other.idle,
  ];
  return (order.find((difference) => difference !== 0) ?? 0) > 0;
}

function tooMany(): RegistryError {
  const sentence = "too many uploads are open; finish or cancel some";
  const headers = headerList({ "retry-after": comeAgain });
  return new RegistryError("TOOMANYREQUESTS", sentence, { headers });
}
