/**
 * Blobs in the order of their last use: an ordered map whose entries take some 100 bytes each, outside the
 * heap. As strings and objects they would take three times that, and each collection would walk through them.
 *
 *     chains[hash] ─▶ row ─▶ row (next)      oldest ─▶ row ⇄ row ⇄ row ◀─ youngest (older, younger)
 */
import type { Digest } from "../../protocol/digest.ts";
import type { KeptBlob } from "../../store/blob-store.ts";

const none = -1;
/** A row's digest has so many words: as many as the longest needs. */
const width = 16;
/** Characters of a digest before its hex, and in one word of it. */
const prefix = 7;
const digits = 8;
const hex = "0123456789abcdef";
const [zero, letterA] = [48, 97];

function emptyRows(capacity: number) {
  return {
    digests: new Uint32Array(capacity * width),
    /** Words of it. */
    lengths: new Uint8Array(capacity),
    sizes: new Float64Array(capacity),
    usedAts: new Float64Array(capacity),
    /** The next in the same chain, or the next that is free. */
    next: new Int32Array(capacity).fill(none),
    older: new Int32Array(capacity).fill(none),
    younger: new Int32Array(capacity).fill(none),
    chains: new Int32Array(capacity).fill(none),
  };
}

type Rows = ReturnType<typeof emptyRows>;
type Use = { readonly size: number; readonly usedAt: number };

export class UseOrder {
  #rows: Rows = emptyRows(64);
  #used = 0;
  #free = none;
  #oldest = none;
  #youngest = none;
  #count = 0;
  /** Where each walk goes on; who leaves the order hands on to the next. */
  readonly #walks = new Set<{ row: number }>();
  /** The digest that is looked for, and the text of one that is printed: in one piece, for it is kept. */
  readonly #wanted = new Uint32Array(width);
  readonly #text = Buffer.from("sha256:".padEnd(prefix + width * digits));
  readonly #salt: Uint32Array;

  /** Which digests share a chain depends on `salt`: who chooses digests must not know it. */
  constructor(salt: Uint32Array = crypto.getRandomValues(new Uint32Array(width))) {
    this.#salt = salt.map((word) => word | 1);
  }

  get count(): number {
    return this.#count;
  }

  get(digest: Digest): Use | undefined {
    const row = this.#find(digest);
    if (row === none) return undefined;
    return { size: this.#rows.sizes[row] ?? 0, usedAt: this.#rows.usedAts[row] ?? 0 };
  }

  /** It is the youngest from now on. */
  set(digest: Digest, { size, usedAt }: Use): void {
    let row = this.#find(digest);
    if (row === none) row = this.#add(digest);
    else this.#unlink(row);
    this.#rows.sizes[row] = size;
    this.#rows.usedAts[row] = usedAt;
    this.#linkAsYoungest(row);
  }

  delete(digest: Digest): boolean {
    const row = this.#find(digest);
    if (row === none) return false;
    this.#unlink(row);
    this.#unchain(row);
    this.#rows.next[row] = this.#free;
    this.#free = row;
    this.#count -= 1;
    return true;
  }

  /** Those not used for longest first; entries may come, go and be used again meanwhile. */
  *oldestFirst(): IterableIterator<KeptBlob> {
    const walk = { row: this.#oldest };
    this.#walks.add(walk);
    try {
      while (walk.row !== none) {
        const { row } = walk;
        walk.row = this.#rows.younger[row] ?? none;
        yield this.#blob(row);
      }
    } finally {
      this.#walks.delete(walk);
    }
  }

  #blob(row: number): KeptBlob {
    const { digests, lengths, sizes, usedAts } = this.#rows;
    const length = lengths[row] ?? 0;
    for (let digit = 0; digit < length * digits; digit += 1) {
      const word = digests[row * width + (digit >>> 3)] ?? 0;
      this.#text[prefix + digit] = hex.charCodeAt((word >>> (28 - 4 * (digit & 7))) & 15);
    }
    this.#text.write(length === width ? "sha512" : "sha256");
    const digest = this.#text.toString("latin1", 0, prefix + length * digits) as Digest;
    return { digest, size: sizes[row] ?? 0, usedAt: usedAts[row] ?? 0 };
  }

  /** Its row, or none; `#wanted` holds its words afterwards. */
  #find(digest: Digest): number {
    const length = wordsOf(digest);
    for (let word = 0; word < length; word += 1) this.#wanted[word] = wordAt(digest, word);
    const { chains, lengths, next } = this.#rows;
    let row = chains[this.#chainOf(this.#wanted, 0, length)] ?? none;
    while (row !== none && (lengths[row] !== length || !this.#isWanted(row, length)))
      row = next[row] ?? none;
    return row;
  }

  #isWanted(row: number, length: number): boolean {
    const { digests } = this.#rows;
    for (let word = 0; word < length; word += 1)
      if (digests[row * width + word] !== this.#wanted[word]) return false;
    return true;
  }

  #chainOf(digests: Uint32Array, start: number, length: number): number {
    let hash = 0;
    for (let word = 0; word < length; word += 1)
      hash = (hash + Math.imul(digests[start + word] ?? 0, this.#salt[word] ?? 1)) | 0;
    // The upper bits of a product depend on all bits of its factors.
    return (hash ^ (hash >>> 15)) & (this.#rows.chains.length - 1);
  }

  #add(digest: Digest): number {
    const row = this.#newRow();
    const { digests, lengths, chains, next } = this.#rows;
    const length = wordsOf(digest);
    for (let word = 0; word < length; word += 1)
      digests[row * width + word] = this.#wanted[word] ?? 0;
    lengths[row] = length;
    const chain = this.#chainOf(this.#wanted, 0, length);
    next[row] = chains[chain] ?? none;
    chains[chain] = row;
    this.#count += 1;
    return row;
  }

  #newRow(): number {
    const row = this.#free;
    if (row !== none) {
      this.#free = this.#rows.next[row] ?? none;
      return row;
    }
    if (this.#used === this.#rows.sizes.length) this.#grow();
    this.#used += 1;
    return this.#used - 1;
  }

  #grow(): void {
    const old = this.#rows;
    const grown = emptyRows(old.sizes.length * 2);
    const { chains, ...columns } = grown;
    for (const name of Object.keys(columns) as (keyof typeof columns)[]) grown[name].set(old[name]);
    this.#rows = grown;
    for (let row = 0; row < this.#used; row += 1) {
      const chain = this.#chainOf(grown.digests, row * width, grown.lengths[row] ?? 0);
      grown.next[row] = chains[chain] ?? none;
      chains[chain] = row;
    }
  }

  #unchain(row: number): void {
    const { chains, digests, lengths, next } = this.#rows;
    const chain = this.#chainOf(digests, row * width, lengths[row] ?? 0);
    const after = next[row] ?? none;
    let before = chains[chain] ?? none;
    if (before === row) {
      chains[chain] = after;
      return;
    }
    while (next[before] !== row) before = next[before] ?? none;
    next[before] = after;
  }

  #linkAsYoungest(row: number): void {
    const { older, younger } = this.#rows;
    older[row] = this.#youngest;
    younger[row] = none;
    if (this.#youngest === none) this.#oldest = row;
    else younger[this.#youngest] = row;
    this.#youngest = row;
  }

  #unlink(row: number): void {
    const { older, younger } = this.#rows;
    const [before, after] = [older[row] ?? none, younger[row] ?? none];
    for (const walk of this.#walks) if (walk.row === row) walk.row = after;
    if (before === none) this.#oldest = after;
    else younger[before] = after;
    if (after === none) this.#youngest = before;
    else older[after] = before;
  }
}

function wordsOf(digest: Digest): number {
  return (digest.length - prefix) / digits;
}

function wordAt(digest: Digest, word: number): number {
  let value = 0;
  for (let digit = 0; digit < digits; digit += 1) {
    const code = digest.charCodeAt(prefix + word * digits + digit);
    value = (value << 4) | (code < letterA ? code - zero : code - letterA + 10);
  }
  return value;
}
