/** Whether and where a download that was broken off can be taken up again, by whom. */
import { UpstreamError } from "../upstream/upstream-error.ts";
import { UpstreamRefusal } from "../upstream/upstream-refusal.ts";
import { DownloadError } from "./download-error.ts";
import type { Source } from "./source.ts";

/** What a failure says about the bytes that came before it: nothing, or that they are of no use. */
export function leavesBytesGood(failure: unknown): boolean {
  if (failure instanceof DownloadError) return failure.code === "ABANDONED";
  if (failure instanceof UpstreamRefusal) return true;
  return failure instanceof UpstreamError && !["PROTOCOL", "TOO_LARGE"].includes(failure.code);
}

/**
 * Under this id bytes wait for the next download of the same digest from the same repository. No
 * other may have them: that its registry says yes to the digest does not prove that it has these bytes.
 */
export function resumptionId({ registry, repository, digest }: Source): string {
  return [digest, registry.scheme, registry.name, repository].join(" ");
}
