/**
 * The port to the files of uploads that are under way: apart from downloads, since what is being pushed
 * exists nowhere else, and no cache may take its room.
 */
import type { BlobDraft } from "./draft-store.ts";

export interface UploadFiles {
  /** A file that becomes a blob, or nothing. `id` is a name of ours. Throws StoreError FULL or IO. */
  create(id: string): Promise<BlobDraft>;
  /** The file that was set aside under this label, undefined when there is none of that size. Throws StoreError IO. */
  takeUp(id: string, size: number): Promise<BlobDraft | undefined>;
  /** Deletes what was set aside and not taken up. Never rejects. */
  sweep(): Promise<void>;
}
