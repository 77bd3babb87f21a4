/**
 * Which front brings which byte: what lies between where it has come to and its end, unless the byte
 * is there, or a front that was opened later brings it. So no byte is ever written twice.
 */
import type { Progress } from "./progress.ts";

/** The bytes from `written` up to `end` are on their way. */
export interface Claim {
  readonly written: number;
  readonly end: number;
}

/** So few bytes that are there already are no reason for one request more. */
const crumb = 64 * 1024;

export class Claims<C extends Claim> {
  readonly #progress: Pick<Progress, "endOf" | "nextAfter">;
  /** In the order they were made. */
  readonly #all: C[] = [];

  constructor(progress: Pick<Progress, "endOf" | "nextAfter">) {
    this.#progress = progress;
  }

  get all(): readonly C[] {
    return this.#all;
  }

  add(claim: C): void {
    this.#all.push(claim);
  }

  remove(claim: C): void {
    const place = this.#all.indexOf(claim);
    if (place >= 0) this.#all.splice(place, 1);
  }

  /** Who brings the byte at `position`. */
  ownerOf(position: number): C | undefined {
    return this.#all.findLast(({ written, end }) => written <= position && position < end);
  }

  /** The first byte at `position` or behind it that is neither there nor on its way. */
  untaken(position: number): number {
    let free = position;
    for (;;) {
      const there = this.#progress.endOf(free);
      const next = this.ownerOf(there)?.end ?? there;
      if (next === free) return free;
      free = next;
    }
  }

  /** Where the next byte behind `position` is that is there or on its way. */
  nextTaken(position: number): number | undefined {
    return this.#next(position, this.#all);
  }

  /**
   * How far a part that begins at `start` goes, `end` at most: over the crumbs that are there already, for they
   * come sooner twice than what lies between them by a request each. How many bytes of it come twice, too.
   */
  reachOf(start: number, end: number, mayComeTwice: (bytes: number) => boolean) {
    let twice = 0;
    for (let next = this.nextTaken(start) ?? end; next < end; ) {
      const behind = this.#progress.endOf(next);
      const there = behind - next;
      const isCrumb = there > 0 && there <= crumb && this.ownerOf(behind) === undefined;
      if (!isCrumb || !mayComeTwice(twice + there)) return { end: next, twice };
      twice += there;
      next = this.nextTaken(behind) ?? end;
    }
    return { end, twice };
  }

  /** Up to where the bytes from `position` on are this one's to bring; `position` when they are not. */
  roomAt(claim: C, position: number): number {
    if (this.takenAt(claim, position) > position) return position;
    return Math.min(claim.end, this.#next(position, this.#laterThan(claim)) ?? claim.end);
  }

  /** Up to where others have brought the bytes from `position` on, or will. */
  takenAt(claim: C, position: number): number {
    const there = this.#progress.endOf(position);
    if (there > position) return there;
    const later = this.#laterThan(claim).findLast(
      ({ written, end }) => written <= position && position < end,
    );
    return later?.end ?? position;
  }

  #laterThan(claim: C): readonly C[] {
    return this.#all.slice(this.#all.indexOf(claim) + 1);
  }

  #next(position: number, claims: readonly C[]): number | undefined {
    let next = this.#progress.nextAfter(position);
    for (const { written, end } of claims) {
      if (written > position && written < end) next = Math.min(next ?? written, written);
    }
    return next;
  }
}
