/** In whose name an upstream is asked for one digest. */
import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import type { Registry } from "../protocol/registry-name.ts";
import type { Access } from "../upstream/registry-client.ts";

export type Source = {
  readonly kind: "blob" | "manifest";
  readonly registry: Registry;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly access: Access;
  readonly accept?: string | undefined;
};

/** Asks with the same key are the same to the upstream. */
export function sourceKey(source: Source): string {
  const { kind, registry, repository, access } = source;
  const authorization = access.kind === "client" ? access.authorization : "";
  return [kind, registry.name, repository, access.kind, authorization].join(" ");
}
