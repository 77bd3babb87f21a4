/** The bucket in which Docker's registry keeps its images: what is kept here goes there too, in a folder of its own. */
import { WrongValue } from "../../settings/kind.ts";
import { bucketOfRegistry, printS3Place } from "../../settings/store-kinds.ts";
import { type Draft, InitError } from "./draft.ts";
import type { Variables } from "./variables.ts";

export function takeBucket(its: Variables, draft: Draft): void {
  const kind = its.take("REGISTRY_STORAGE");
  const take = (name: string) => its.take(`REGISTRY_STORAGE_S3_${name}`);
  const bucket = take("BUCKET");
  const about = {
    ...{ region: take("REGION"), endpoint: take("REGIONENDPOINT"), root: take("ROOTDIRECTORY") },
    isSecure: take("SECURE") !== "false",
  };
  const [accessKey, secretKey] = [take("ACCESSKEY"), take("SECRETKEY")];
  if (kind !== "s3" || bucket === undefined) return;
  try {
    const place = printS3Place(bucketOfRegistry({ ...about, bucket }));
    draft.set("store", place, "in a folder of its own; what the registry kept there is left alone");
  } catch (error) {
    if (!(error instanceof WrongValue)) throw error;
    const sentence = `REGISTRY_STORAGE_S3_REGIONENDPOINT ${error.message}; write ${error.hint}`;
    throw new InitError(sentence, { cause: error });
  }
  if (accessKey !== undefined) draft.secrets.set("s3-access-key-file", accessKey);
  if (secretKey !== undefined) draft.secrets.set("s3-secret-key-file", secretKey);
}
