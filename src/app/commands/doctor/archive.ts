/** Whether the bucket that STORE names is reached, takes what is put there, and gives it up again. */
import { randomBytes } from "node:crypto";
import { digestOf } from "../../../protocol/digest.ts";
import type { Archive } from "../../../store/archive.ts";
import { StoreError } from "../../../store/store-error.ts";
import { openS3 } from "../../compose/s3.ts";
import { archivePlace } from "../../settings/archive-place.ts";
import { RegistryLook } from "../registry-look.ts";
import type { Examination } from "./examination.ts";
import { type Symptom, well, wrong } from "./symptom.ts";

export async function lookAtArchive(parts: Examination): Promise<readonly Symptom[]> {
  const place = archivePlace(parts.settings);
  if (place === undefined || !parts.mayAsk) return [];
  return await RegistryLook.with(parts, async (look) => {
    const { archive, close } = await openS3(place, look.wayTo);
    try {
      return [await lookAtKeeping(archive, parts.signal)];
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return [wrong(error.message, remedy)];
    } finally {
      await close();
    }
  });
}

const remedy =
  "see whether S3 runs, whether STORE has its endpoint, region and bucket, and whether S3_ACCESS_KEY may list, read, write and delete there";

/** A few bytes that are nobody's, gone again a moment later. */
async function lookAtKeeping(archive: Archive, signal: AbortSignal): Promise<Symptom> {
  const bytes = randomBytes(32);
  const digest = digestOf(bytes);
  const read = async (buffer: Uint8Array, position: number): Promise<number> =>
    bytes.copy(buffer, 0, position);
  await archive.put({ digest, size: bytes.length, read }, signal);
  const there = await archive.stat(digest, signal);
  await archive.delete(digest, signal);
  if (there?.size === bytes.length) return well(`${archive.identity} keeps blobs`);
  return wrong(`${archive.identity} forgets what is put there at once`, remedy);
}
