/** Addresses of what the archive is known to have, for clients to read there themselves. */
import type { Digest } from "../../protocol/digest.ts";
import type { Archive } from "../archive.ts";
import type { ArchivedIndex } from "./archived-index.ts";

export class ArchiveLinks {
  readonly #archive: Pick<Archive, "linkTo">;
  readonly #index: Pick<ArchivedIndex, "sizeOf">;

  constructor(archive: Pick<Archive, "linkTo">, index: Pick<ArchivedIndex, "sizeOf">) {
    this.#archive = archive;
    this.#index = index;
  }

  /** As far as is known without asking. */
  sizeOf(digest: Digest): number | undefined {
    return this.#index.sizeOf(digest);
  }

  /** Undefined where it leads nowhere, as far as is known. Never rejects. */
  async linkTo(digest: Digest): Promise<string | undefined> {
    if (this.sizeOf(digest) === undefined) return undefined;
    return await this.#archive.linkTo(digest).catch(() => undefined);
  }
}
