/** Uploads in parts that began and were neither ended nor aborted, page by page. */
import type { ListMultipartUploadsCommandOutput } from "@aws-sdk/client-s3";

export type Unfinished = {
  readonly key: string;
  readonly uploadId: string;
  /** Milliseconds since 1970. */
  readonly beganAt: number;
};

type Page = ListMultipartUploadsCommandOutput;

/** Where the next page begins. */
export type Marker = {
  readonly KeyMarker?: string | undefined;
  readonly UploadIdMarker?: string | undefined;
};

export async function* unfinished(
  pageAt: (marker: Marker) => Promise<Page>,
): AsyncGenerator<Unfinished> {
  for (let marker: Marker | undefined = {}; marker !== undefined; ) {
    const page: Page = await pageAt(marker);
    for (const { Key: key, UploadId: uploadId, Initiated } of page.Uploads ?? []) {
      if (key === undefined || uploadId === undefined || Initiated === undefined) continue;
      yield { key, uploadId, beganAt: Initiated.getTime() };
    }
    marker = nextAfter(page);
  }
}

function nextAfter({ IsTruncated, NextKeyMarker, NextUploadIdMarker }: Page): Marker | undefined {
  if (IsTruncated !== true || NextKeyMarker === undefined) return undefined;
  return { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker };
}
