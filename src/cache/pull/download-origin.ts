/**
 * Which repository began the download of a digest, and so may have it said that it delivered it.
 * Others share it only where that cannot credit one registry, or a repository that was refused,
 * with bytes that came from elsewhere.
 */
import type { Digest } from "../../protocol/digest.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import { type RepositoryRef, repositoryKey } from "../repository-ref.ts";

export type Beginner = {
  readonly place: RepositoryRef;
  /** In whose name; who asks in the same name shares without more ado. */
  readonly accessKey: string;
  /** The registry has begun to send it there. */
  isGranted: boolean;
  /** Asks that have not been answered yet. */
  pending: number;
  /** Resolves with the first answer. */
  readonly answered: Promise<void>;
  readonly settle: () => void;
};

export type PlacedAsker = { readonly place: RepositoryRef; readonly accessKey: string };

/** On which grounds an asker is let in: its own repository is open to it, or the registry said yes to this blob. */
export type Grounds = { readonly byPlace: boolean; readonly byWord: boolean };

export class Beginners {
  readonly #isRunning: (digest: Digest) => boolean;
  /** Also those whose download has ended, for it can be joined a little longer. */
  readonly #begun = new BoundedMap<Digest, Beginner>({ limit: 10_000 });

  constructor(isRunning: (digest: Digest) => boolean) {
    this.#isRunning = isRunning;
  }

  /** Resolves when it is known whether the registry sends what another has just asked for at this place. */
  firstAnswer(digest: Digest, { place, accessKey }: PlacedAsker): Promise<void> | undefined {
    const beginner = this.#alive(digest);
    if (beginner === undefined || beginner.isGranted || !isHere(beginner, place)) return undefined;
    return beginner.accessKey === accessKey ? undefined : beginner.answered;
  }

  /** Whether only the registry's word is missing for somebody at `place` to share what is under way. */
  needsWord(digest: Digest, place: RepositoryRef, byPlace: boolean): boolean {
    const beginner = this.#alive(digest);
    if (beginner?.isGranted !== true || beginner.place.registry.name !== place.registry.name)
      return false;
    return !(byPlace && isHere(beginner, place));
  }

  /**
   * To be called in the same tick in which the download is asked for, and left when that is
   * answered. Says too whether the asker may share what others came for.
   */
  enter(
    digest: Digest,
    { place, accessKey }: PlacedAsker,
    grounds: Grounds,
  ): { readonly beginner: Beginner; readonly mayShare: boolean } {
    const before = this.#begun.get(digest);
    const beginner = this.#alive(digest) ?? newBeginner(place, accessKey);
    beginner.pending += 1;
    this.#begun.set(digest, beginner);
    if (before?.isGranted !== true) return { beginner, mayShare: false };
    if (isHere(before, place)) return { beginner, mayShare: grounds.byPlace || grounds.byWord };
    const isNear = before === beginner && before.place.registry.name === place.registry.name;
    return { beginner, mayShare: isNear && grounds.byWord };
  }

  /** `isFirst`: this ask began the download, and its bytes come. */
  leave(beginner: Beginner, isFirst: boolean): void {
    beginner.pending -= 1;
    beginner.isGranted ||= isFirst;
    beginner.settle();
  }

  #alive(digest: Digest): Beginner | undefined {
    const beginner = this.#begun.get(digest);
    if (beginner === undefined) return undefined;
    return beginner.pending > 0 || this.#isRunning(digest) ? beginner : undefined;
  }
}

function newBeginner({ registry, repository }: RepositoryRef, accessKey: string): Beginner {
  const { promise, resolve } = Promise.withResolvers<void>();
  const place = { registry, repository };
  return { place, accessKey, isGranted: false, pending: 0, answered: promise, settle: resolve };
}

function isHere(beginner: Beginner, place: RepositoryRef): boolean {
  return repositoryKey(beginner.place) === repositoryKey(place);
}
