/**
 * What allowed tags have led to: the manifests they meant, and what these list in turn. Kept in
 * memory alone, since engines begin every pull with the tag.
 */

import { accountOf, type RepositoryRef, repositoryKey } from "../../cache/repository-ref.ts";
import { type Digest, parseDigest } from "../../protocol/digest.ts";
import { headerValue } from "../../protocol/http/header-list.ts";
import { readManifest } from "../../protocol/manifest.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import type { Reply } from "../exchange.ts";

/** Of all their names: a few thousand images. */
const mostBytes = 4 * 1024 * 1024;

export class Reached {
  readonly #digests = new FairMap<string, true>({
    bytes: { limit: mostBytes, of: (_, key) => 200 + key.length },
  });

  has(repository: RepositoryRef, digest: Digest): boolean {
    return this.#digests.get(keyOf(repository, digest)) === true;
  }

  /** This is what was found under an allowed tag, or under a digest that was reached before. */
  learn(repository: RepositoryRef, reply: Reply): void {
    if (reply.kind === "passed") {
      const { status, headers } = reply.response;
      const said = parseDigest(headerValue(headers, "docker-content-digest") ?? "");
      if (status === 200 && said !== undefined) this.#add(repository, said);
    }
    if (reply.kind !== "content") return;
    this.#add(repository, reply.digest);
    const { bytes } = reply.source;
    if (bytes === undefined || reply.mediaType === undefined) return;
    const references = readManifest(bytes, reply.mediaType)?.references ?? [];
    for (const { digest } of references) this.#add(repository, digest);
  }

  #add(repository: RepositoryRef, digest: Digest): void {
    this.#digests.set(keyOf(repository, digest), true, accountOf(repository));
  }
}

function keyOf(repository: RepositoryRef, digest: Digest): string {
  return `${repositoryKey(repository)}@${digest}`;
}
