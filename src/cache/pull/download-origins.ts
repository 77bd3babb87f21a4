/**
 * The repository that a running download began with, which is credited with having delivered the
 * digest. Others share the download only where that cannot credit one registry, or a repository
 * that was refused, with bytes that came from elsewhere.
 */
import type { Digest } from "../../protocol/digest.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import { accountOf, type RepositoryRef, repositoryKey } from "../repository-ref.ts";

export type DownloadOrigin = {
  readonly ref: RepositoryRef;
  /** In whose name; who asks in the same name shares without more ado. */
  readonly accessKey: string;
  /** The repository's, when the download began. */
  readonly generation: number;
  /** The registry has begun to send it there. */
  isGranted: boolean;
  /** Asks that have not been answered yet. */
  pending: number;
  /** Resolves with the first answer. */
  readonly answered: Promise<void>;
  readonly settle: () => void;
};

/** A repository, as it is since the last write to it. */
export type OriginPlace = Pick<DownloadOrigin, "ref" | "generation">;

export type OriginAsk = Pick<DownloadOrigin, "ref" | "accessKey" | "generation">;

/** Why an asker may share a download: its repository is open to it, or its registry confirmed this blob. */
export type Entitlement = { readonly byRepository: boolean; readonly byConfirmation: boolean };

export class DownloadOrigins {
  readonly #isRunning: (digest: Digest) => boolean;
  /** Also those whose download has ended, for it can be joined a little longer. */
  readonly #begun = new FairMap<Digest, DownloadOrigin>({ limit: 5_000 });

  constructor(isRunning: (digest: Digest) => boolean) {
    this.#isRunning = isRunning;
  }

  /** Resolves when it is known whether the registry sends what another has just asked for in this repository. */
  firstAnswer(
    digest: Digest,
    { ref, accessKey }: Pick<OriginAsk, "ref" | "accessKey">,
  ): Promise<void> | undefined {
    const origin = this.#alive(digest);
    if (origin === undefined || origin.isGranted || !isHere(origin, ref)) return undefined;
    return origin.accessKey === accessKey ? undefined : origin.answered;
  }

  /** Whether only the registry's yes is missing for an asker in that repository to share what is under way. */
  needsConfirmation(digest: Digest, asker: OriginPlace, byRepository: boolean): boolean {
    const { ref } = asker;
    const origin = this.#alive(digest);
    if (origin?.isGranted !== true || origin.ref.registry.name !== ref.registry.name) return false;
    return !(byRepository && isSame(origin, asker));
  }

  /**
   * To be called in the same tick in which the download is asked for, and left when that is
   * answered. Says too whether the asker may share what others came for.
   */
  enter(
    digest: Digest,
    asker: OriginAsk,
    entitlement: Entitlement,
  ): { readonly origin: DownloadOrigin; readonly mayShare: boolean } {
    const { ref } = asker;
    const before = this.#begun.get(digest);
    const origin = this.#alive(digest) ?? newOrigin(asker);
    origin.pending += 1;
    this.#begun.set(digest, origin, accountOf(ref));
    if (before?.isGranted !== true) return { origin, mayShare: false };
    if (isSame(before, asker))
      return { origin, mayShare: entitlement.byRepository || entitlement.byConfirmation };
    const isNear = before === origin && before.ref.registry.name === ref.registry.name;
    return { origin, mayShare: isNear && entitlement.byConfirmation };
  }

  /** `isFirst`: this ask began the download, and its bytes come. */
  leave(origin: DownloadOrigin, isFirst: boolean): void {
    origin.pending -= 1;
    origin.isGranted ||= isFirst;
    origin.settle();
  }

  /** The repository as it was when the download began with it; undefined when another began it. */
  beganWith(digest: Digest, ref: RepositoryRef): OriginPlace | undefined {
    const origin = this.#begun.get(digest);
    return origin !== undefined && isHere(origin, ref) ? origin : undefined;
  }

  #alive(digest: Digest): DownloadOrigin | undefined {
    const origin = this.#begun.get(digest);
    if (origin === undefined) return undefined;
    return origin.pending > 0 || this.#isRunning(digest) ? origin : undefined;
  }
}

/** Of the ask no more than this: it has the client's login in it. */
function newOrigin({ ref: of, ...asker }: OriginAsk): DownloadOrigin {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { registry, repository } = of;
  const ref = { registry, repository, access: { from: accountOf(of) } };
  return { ...asker, ref, isGranted: false, pending: 0, answered: promise, settle: resolve };
}

/** The same repository, with nothing written there in between. */
function isSame(origin: DownloadOrigin, { ref, generation }: OriginPlace): boolean {
  return isHere(origin, ref) && origin.generation === generation;
}

function isHere(origin: DownloadOrigin, ref: RepositoryRef): boolean {
  return repositoryKey(origin.ref) === repositoryKey(ref);
}
