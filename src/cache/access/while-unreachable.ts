/**
 * Who may have what is kept while its registry cannot be asked: proofs made before stand, and what the
 * operator imported is open to whoever may use the proxy, until that registry refuses everybody.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { RepositoryBlobs } from "./repository-blobs.ts";
import type { RepositoryAsker, Visibility } from "./visibility.ts";

export type WhileUnreachableParts = {
  readonly visibility: Visibility;
  readonly repositoryBlobs: RepositoryBlobs;
};

/** Whether this repository holds it, and it is open to who asks. */
export async function mayWhileUnreachable(
  parts: WhileUnreachableParts,
  asker: RepositoryAsker,
  digest: Digest,
): Promise<boolean> {
  const { visibility, repositoryBlobs } = parts;
  if (!(await repositoryBlobs.holds(asker, digest))) return false;
  if (await visibility.mayWhileUnreachable(asker, digest)) return true;
  return isOpenByImport(parts, asker, digest);
}

/** Whether the operator put it here, for all. */
export async function isOpenByImport(
  { visibility, repositoryBlobs }: WhileUnreachableParts,
  asker: RepositoryAsker,
  digest: Digest,
): Promise<boolean> {
  return (await visibility.isImported(asker)) && repositoryBlobs.isImported(asker, digest);
}
