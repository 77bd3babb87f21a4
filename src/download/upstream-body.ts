/** Opens what a registry has under a digest from some byte on, also where it makes nothing of ranges. */
import { headerValue } from "../protocol/http/header-list.ts";
import { bareMediaType, isSignedSchema1 } from "../protocol/media-type.ts";
import { type OpenedBlob, openBlobAt } from "../upstream/client/blob-range.ts";
import type { RegistryClient } from "../upstream/registry-client.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { UpstreamRefusal } from "../upstream/upstream-refusal.ts";
import { DownloadError } from "./download-error.ts";
import type { Source } from "./source.ts";

/** Throws UpstreamRefusal, UpstreamError, or DownloadError UNVERIFIABLE. */
export type OpenBody = (source: Source, offset: number, signal: AbortSignal) => Promise<OpenedBlob>;

export function bodyOpener(client: RegistryClient): OpenBody {
  const openAt: OpenBody = async (source, offset, signal) => {
    const opened = await openBlobAt(client, { ...request(source), offset, signal });
    const type = bareMediaType(headerValue(opened.headers, "content-type") ?? "");
    if (!isSignedSchema1(type)) return opened;
    void opened.close();
    throw new DownloadError(
      "UNVERIFIABLE",
      "the digest of signed schema 1 does not cover its bytes",
    );
  };
  return async (source, offset, signal) => {
    try {
      return await openAt(source, offset, signal);
    } catch (error) {
      if (offset === 0 || !isAboutRange(error)) throw error;
      const whole = await openAt(source, 0, signal);
      return { ...whole, body: skip(whole.body, offset) };
    }
  };
}

function request({ kind, registry, repository, digest, access, accept }: Source) {
  return {
    registry,
    repository,
    digest,
    access,
    patience: "full" as const,
    ...(kind === "manifest" && { kind: "manifests" as const }),
    ...(accept !== undefined && { accept: [accept] }),
  };
}

/** Another part than was asked for, or none at all, where the whole may still be had. */
function isAboutRange(error: unknown): boolean {
  if (error instanceof UpstreamRefusal) return [400, 416, 501].includes(error.response.status);
  return error instanceof UpstreamError && error.code === "PROTOCOL";
}

async function* skip(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of bytes) {
    if (left < chunk.length) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}
