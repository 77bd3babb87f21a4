/** In whose name an upstream is asked for one digest. */
import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import type { Registry } from "../protocol/registry-name.ts";
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import type { Access } from "../upstream/registry-client.ts";

export type Source = {
  readonly registry: Registry;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly access: Access;
  /** Grows with each write to the repository: who asks after one shares nothing begun before it. */
  readonly generation?: number | undefined;
};

/** Opens what a source has of its digest, from `offset` on. Throws UpstreamRefusal or UpstreamError. */
export type OpenSource = (
  source: Source,
  offset: number,
  signal: AbortSignal,
) => Promise<OpenedBlob>;

/** What an event says of it. */
export function placeOf({ registry, repository, digest }: Source) {
  return { registry: registry.name, repository, digest };
}

/** Asks with the same key are the same to the upstream. */
export function sourceKey({ registry, repository, access, generation = 0 }: Source): string {
  const authorization = access.kind === "client" ? access.authorization : "";
  return [registry.name, repository, generation, access.kind, authorization].join(" ");
}
