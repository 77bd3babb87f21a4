/**
 * Undoes a Content-Encoding that was sent although identity was asked for: one layer, as a stream, and
 * no further than bytes that grow by a sane factor (a bomb grows by a thousand).
 */
import { pipeline, type Readable, type Transform } from "node:stream";
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from "node:zlib";
import { type HeaderList, headerJoined } from "../protocol/http/header-list.ts";
import { UpstreamError } from "./upstream-error.ts";

/** Content that grows more than this, once a mebibyte has come out, is refused. */
const maxGrowth = 200;
const freeBytes = 1024 * 1024;

const decoders = new Map<string, () => Transform>([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
  ["zstd", createZstdDecompress],
]);

/** `aws-chunked` is how an object was once uploaded; some stores repeat it though the bytes are plain. */
const noEncodings: ReadonlySet<string> = new Set(["", "identity", "aws-chunked"]);

/** The encoding that the fields name, or undefined for none. */
export function encodingOf(headers: HeaderList): string | undefined {
  const names = (headerJoined(headers, "content-encoding") ?? "").toLowerCase().split(",");
  const real = names.map((name) => name.trim()).filter((name) => !noEncodings.has(name));
  return real.length === 0 ? undefined : real.join(", ");
}

/** The decoded bytes. Fails with PROTOCOL when they are damaged or in no encoding we know, TOO_LARGE when too many. */
export async function* decoded(
  body: Readable,
  encoding: string,
  host: string,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  const decoder = decoders.get(encoding)?.();
  if (decoder === undefined) {
    body.destroy();
    throw new UpstreamError("PROTOCOL", host, `${host} sent an encoding that cannot be undone`);
  }
  const meter = { read: 0 };
  let failure: Error | undefined;
  pipeline(metered(body, meter), decoder, (error) => {
    failure = error ?? undefined;
  });
  let written = 0;
  try {
    for await (const chunk of decoder) {
      written += chunk.length;
      if (written > freeBytes && written > meter.read * maxGrowth) {
        throw new UpstreamError("TOO_LARGE", host, `${host} sent bytes packed beyond measure`);
      }
      if (written > limit) {
        throw new UpstreamError("TOO_LARGE", host, `${host} sent too much, encoded`);
      }
      yield chunk;
    }
  } catch (cause) {
    throw asUpstreamError(failure ?? cause, host);
  } finally {
    decoder.destroy();
    body.destroy();
  }
}

async function* metered(body: Readable, meter: { read: number }): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    meter.read += chunk.length;
    yield chunk;
  }
}

function asUpstreamError(cause: unknown, host: string): UpstreamError {
  if (cause instanceof UpstreamError) return cause;
  const text = `${host} sent an encoded body that cannot be decoded`;
  return new UpstreamError("PROTOCOL", host, text, { cause });
}
