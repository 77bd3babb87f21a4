/** Where what is imported is put, in either world. */
import type { ImportUnderWay } from "../../doors/back-office/carried-images.ts";
import { type Digest, digestAlgorithm, digestOf } from "../../protocol/digest.ts";
import { RegistryError } from "../../protocol/registry-error.ts";

export type Arrivals = Omit<ImportUnderWay, "missing" | "name" | "release"> & {
  /** Whether it is here whole, and this repository's from now on. */
  readonly has: (digest: Digest, size: number) => Promise<boolean>;
};

/** Throws RegistryError DIGEST_INVALID. */
export function needDigest(digest: Digest, bytes: Uint8Array): void {
  if (digestOf(bytes, digestAlgorithm(digest)) !== digest) throw otherBytes(digest);
}

export function otherBytes(digest: Digest): RegistryError {
  return new RegistryError("DIGEST_INVALID", `the bytes sent are not those of ${digest}`);
}
