/**
 * Writes that go through us to a registry: what is known of the tags and digests they name is not
 * believed from before they are sent, and only a refusal brings it back. The bytes stay.
 */
import type { Reference } from "../../protocol/reference.ts";
import type { RepositoryBlobs } from "../access/repository-blobs.ts";
import type { Generations, RepositoryRef } from "../repository-ref.ts";
import type { Tags } from "../tags/tags.ts";
import type { NegativeCache } from "./negative-cache.ts";

/** `refused`: by a 4xx, or never sent. `unknown`: the line went dead before the registry had said. */
export type WriteFate = "taken" | "refused" | "unknown";

export type WritesParts = {
  readonly generations: Generations;
  readonly repositoryBlobs: RepositoryBlobs;
  readonly tags: Tags;
  readonly negative: NegativeCache;
};

export class Writes {
  readonly #parts: WritesParts;

  constructor(parts: WritesParts) {
    this.#parts = parts;
  }

  /** Forgets what the write names; what is returned is to be called once, with the write's fate. */
  async begin(
    ref: RepositoryRef,
    references: readonly Reference[],
  ): Promise<(fate: WriteFate) => Promise<void>> {
    const restores = await this.#forget(ref, references);
    return async (fate) => {
      if (fate === "refused") for (const restore of restores) await restore();
      else await this.#forget(ref, references);
    };
  }

  /** The ways back, should it turn out that nothing was written. */
  async #forget(
    ref: RepositoryRef,
    references: readonly Reference[],
  ): Promise<(() => Promise<void>)[]> {
    const { generations, negative, tags, repositoryBlobs } = this.#parts;
    generations.raise(ref);
    negative.forget(ref);
    const restores: (() => Promise<void>)[] = [];
    for (const reference of references)
      restores.push(
        reference.kind === "tag"
          ? await tags.forget({ ...ref, tag: reference.tag })
          : await repositoryBlobs.unlink(ref, reference.digest),
      );
    return restores;
  }
}
