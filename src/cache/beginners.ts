/**
 * Which repository began the download of a digest, and so may have it said that it delivered it.
 * Others share it only where that cannot credit one registry, or a repository that was refused,
 * with bytes that came from elsewhere.
 */
import type { Digest } from "../protocol/digest.ts";
import { BoundedMap } from "./bounded-map.ts";
import { type Place, placeKey } from "./place.ts";

export type Beginner = {
  readonly place: Place;
  /** The registry has begun to send it there. */
  isGranted: boolean;
  /** Asks that have not been answered yet. */
  pending: number;
};

/** On which grounds an asker is let in: its own repository is open to it, or the registry said yes to this blob. */
export type Grounds = { readonly byPlace: boolean; readonly byWord: boolean };

export class Beginners {
  readonly #isRunning: (digest: Digest) => boolean;
  /** Also those whose download has ended, for it can be joined a little longer. */
  readonly #begun = new BoundedMap<Digest, Beginner>({ limit: 10_000 });

  constructor(isRunning: (digest: Digest) => boolean) {
    this.#isRunning = isRunning;
  }

  /** Whether only the registry's word is missing for somebody at `place` to share what is under way. */
  needsWord(digest: Digest, place: Place, byPlace: boolean): boolean {
    const beginner = this.#begun.get(digest);
    if (beginner === undefined || !this.#isAlive(digest, beginner)) return false;
    return isNear(beginner, place) && !(byPlace && placeKey(beginner.place) === placeKey(place));
  }

  /**
   * To be called in the same tick in which the download is asked for, and left when that is
   * answered. Says too whether the asker may share what others came for.
   */
  enter(
    digest: Digest,
    place: Place,
    grounds: Grounds,
  ): { readonly beginner: Beginner; readonly mayShare: boolean } {
    const before = this.#begun.get(digest);
    const isHere = before !== undefined && placeKey(before.place) === placeKey(place);
    const isAlive = before !== undefined && this.#isAlive(digest, before);
    const beginner =
      isAlive && before !== undefined ? before : { place, isGranted: false, pending: 0 };
    beginner.pending += 1;
    this.#begun.set(digest, beginner);
    if (isHere) return { beginner, mayShare: grounds.byPlace || grounds.byWord };
    return { beginner, mayShare: isAlive && grounds.byWord && isNear(beginner, place) };
  }

  /** `isFirst`: this ask began the download, and its bytes come. */
  leave(beginner: Beginner, isFirst: boolean): void {
    beginner.pending -= 1;
    beginner.isGranted ||= isFirst;
  }

  #isAlive(digest: Digest, beginner: Beginner): boolean {
    return beginner.pending > 0 || this.#isRunning(digest);
  }
}

function isNear(beginner: Beginner, place: Place): boolean {
  if (placeKey(beginner.place) === placeKey(place)) return true;
  return beginner.isGranted && beginner.place.registry.name === place.registry.name;
}
