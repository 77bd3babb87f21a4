/** Who may do what here: settings and rules together, changed while running. */
import type { RepositoryName, Tag } from "../protocol/reference.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import type { Catalogue } from "./catalogue.ts";
import { type Action, type HostedRule, Rules } from "./rules.ts";

export type RightsSettings = {
  readonly isAnonymousPull: boolean;
  /** Deleting too. */
  readonly isAnonymousPush: boolean;
  readonly isReadOnly: boolean;
  readonly rules: readonly HostedRule[];
};

/** Bytes, and what is said to more of them. */
export type BlobLimit = { readonly bytes: number; readonly refusal: () => RegistryError };

export class Rights {
  #settings: RightsSettings;
  #rules: Rules;

  constructor(settings: RightsSettings) {
    this.#settings = settings;
    this.#rules = new Rules(settings.rules);
  }

  change(settings: RightsSettings): void {
    this.#rules = new Rules(settings.rules);
    this.#settings = settings;
  }

  /** `user` undefined is one who did not log in. Everybody has what anonymous ones have. */
  may(user: string | undefined, repository: RepositoryName, action: Action): boolean {
    const { isAnonymousPull, isAnonymousPush } = this.#settings;
    const isOpen = action === "pull" ? isAnonymousPull : isAnonymousPush;
    return isOpen || this.#rules.grants(user, repository, action);
  }

  /** Throws RegistryError UNSUPPORTED while HOSTED_READ_ONLY is set. */
  letWrite(): void {
    if (!this.#settings.isReadOnly) return;
    const sentence = "this registry is read-only for now; HOSTED_READ_ONLY=false opens it again";
    throw new RegistryError("UNSUPPORTED", sentence);
  }

  /** Throws RegistryError DENIED when the tag is to stay as it is. */
  letMove(repository: RepositoryName, tag: Tag): void {
    const pattern = this.#rules.immutable(repository, tag);
    if (pattern === undefined) return;
    const sentence = `the tag ${tag} of ${repository} is immutable; push under another tag`;
    throw new RegistryError("DENIED", sentence, {
      detail: { setting: "HOSTED_RULES", immutable: pattern },
    });
  }

  /** What is said of how long things stay there, and which tags never go. */
  keeping(repository: RepositoryName) {
    return {
      rules: this.#rules.keeps(repository),
      isFrozen: (tag: Tag): boolean => this.#rules.immutable(repository, tag) !== undefined,
    };
  }

  /** What one more blob of this repository may have. */
  limitIn(repository: RepositoryName, catalogue: Catalogue): BlobLimit {
    const [room, largest] = [this.#roomIn(repository, catalogue), this.#rules.blobSize(repository)];
    const sentence =
      room < largest
        ? `the quota of ${repository} has no room for this blob`
        : `a blob of ${repository} has at most ${largest} bytes`;
    return { bytes: Math.min(room, largest), refusal: () => tooLarge(sentence) };
  }

  /** Bytes that it may still take; a layer counts in each repository that has it. */
  #roomIn(repository: RepositoryName, catalogue: Catalogue): number {
    const rooms = this.#rules.quotas(repository).map(({ bytes, isHere }) => {
      let used = 0;
      for (const [name, its] of catalogue.repositories()) if (isHere(name)) used += its.bytes;
      return Math.max(0, bytes - used);
    });
    return Math.min(Number.POSITIVE_INFINITY, ...rooms);
  }
}

/** 403, since engines go on trying for a while after 507 and 413. */
function tooLarge(sentence: string): RegistryError {
  return new RegistryError("DENIED", sentence, { detail: { setting: "HOSTED_RULES" } });
}
