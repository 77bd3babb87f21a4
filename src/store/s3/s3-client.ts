/** How the S3 library is set up: it goes our way out, retries nothing, prints nothing, and adds nothing. */
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { S3Http, type SendToS3 } from "./s3-http.ts";

export type S3Server = {
  /** Undefined: Amazon's own. */
  readonly endpoint: string | undefined;
  readonly region: string;
  /** The bucket in the path, rather than in the name of the host. */
  readonly isPathStyle: boolean;
  /** Undefined: wherever the library finds one (environment, files, the machine's role). */
  readonly login: { readonly accessKey: string; readonly secretKey: string } | undefined;
  readonly send: SendToS3;
};

export function configOf(options: S3Server, life: AbortSignal): S3ClientConfig {
  const { endpoint, region, isPathStyle, login, send } = options;
  const http = new S3Http(send, life);
  return {
    region,
    forcePathStyle: isPathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(login === undefined
      ? {}
      : { credentials: { accessKeyId: login.accessKey, secretAccessKey: login.secretKey } }),
    // Bodies are streamed, and checked by their digest: what the library would add breaks older servers.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // Whoever asks knows better whether to ask again, and when.
    maxAttempts: 1,
    requestHandler: http as unknown as NonNullable<S3ClientConfig["requestHandler"]>,
    logger: silent,
  };
}

const nothing = (): void => undefined;
/** It prints otherwise. */
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };
