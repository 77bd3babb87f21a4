/** The archive in S3, over the way out that everything takes. */

import { formatHostPort, parseHostPort } from "../../protocol/http/host-port.ts";
import { registryNameOf } from "../../protocol/registry-name.ts";
import { S3Archive } from "../../store/s3/s3-archive.ts";
import type { SendToS3 } from "../../store/s3/s3-http.ts";
import type { Transport } from "../../upstream/net/transport.ts";
import type { ArchivePlace } from "../settings/archive-place.ts";
import type { Way } from "./upstream.ts";

export type S3 = { readonly archive: S3Archive; readonly close: () => Promise<void> };

/** Asks nobody yet. */
export async function openS3(place: ArchivePlace, wayTo: (host: string) => Way): Promise<S3> {
  const way = wayTo(hostOf(place));
  const archive = await S3Archive.open({ ...place, send: sendBy(way.transport) });
  const close = async (): Promise<void> => {
    archive.close();
    await way.close();
  };
  return { archive, close };
}

/** As S3 answers somebody who could have it from elsewhere: soon, or not at all. */
export function sendBy(transport: Pick<Transport, "send">): SendToS3 {
  return ({ isBrief, address, ...request }) =>
    transport.send({
      ...{ ...request, address, onBehalfOf: registryNameOf(address) },
      patience: isBrief ? "brief" : "full",
    });
}

function hostOf({ endpoint, bucket, region, isPathStyle }: ArchivePlace): string {
  const usual = `${isPathStyle ? "" : `${bucket}.`}s3.${region}.amazonaws.com`;
  const url = new URL(endpoint ?? `https://${usual}`);
  const address = parseHostPort(url.host, url.protocol === "http:" ? 80 : 443);
  return address === undefined ? url.hostname : formatHostPort(address, 443);
}
