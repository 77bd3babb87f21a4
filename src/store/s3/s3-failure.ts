/** What the S3 library throws, as an error of the store. */
import { StoreError } from "../store-error.ts";

/** What an operator reads: the bucket, never its login. */
export function archiveFailure(error: unknown, identity: string, what: string): StoreError {
  if (error instanceof StoreError) return error;
  const status = statusOf(error);
  const name = error instanceof Error ? error.name : "unknown";
  const said = error instanceof Error && status === undefined ? error.message : name;
  const why = status === undefined ? said : `${said}, status ${status}`;
  return new StoreError("ARCHIVE", `the archive ${identity} failed to ${what} (${why})`, {
    cause: error,
  });
}

/** The object is not there, or the upload. That of a bucket says more. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof Error) || statusOf(error) !== 404) return false;
  return ["NoSuchKey", "NotFound", "NoSuchUpload"].includes(error.name);
}

export function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return undefined;
  const metadata = error.$metadata as { readonly httpStatusCode?: number };
  return metadata.httpStatusCode;
}
