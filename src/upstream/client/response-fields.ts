/** Fields of an answer that are not for everybody who gets it, or that say something else than it is. */
import { Readable } from "node:stream";
import { headerValue } from "../../protocol/http/header-list.ts";
import { parseContentRange } from "../../protocol/http/range.ts";
import { maxManifestBytes } from "../../protocol/manifest.ts";
import { decoded, encodingOf } from "../content-encoding.ts";
import type { RegistryResponse } from "../registry-client.ts";
import type { Sent } from "./redirects.ts";
import { isReading } from "./request-facts.ts";

/** A session that a login opened, ours above all, is as good as the login. */
export function withoutSession(response: RegistryResponse): RegistryResponse {
  if (!response.headers.has("set-cookie")) return response;
  const headers = new Map(response.headers);
  headers.delete("set-cookie");
  return { ...response, headers };
}

/** What is said of the bytes, and how to ask for them again. */
const storageFields: ReadonlySet<string> = new Set(
  `accept-ranges cache-control content-encoding content-length content-range content-type date
  docker-content-digest etag expires last-modified retry-after`.split(/\s+/),
);

/**
 * A challenge from where we were sent would make a client log in at a stranger's, and some storage
 * names the private repository that a blob was copied from.
 */
export function ofStorage(response: RegistryResponse): RegistryResponse {
  const headers = new Map([...response.headers].filter(([name]) => storageFields.has(name)));
  return { ...response, headers };
}

/** Plain bytes, and the whole where no part of it was asked for. */
export function asAsked(request: Sent, response: RegistryResponse): RegistryResponse {
  const answer = request.headers.has("range") ? response : asWhole(response);
  return isReading(request) ? asIdentity(answer, request) : answer;
}

/** A part of what is encoded cannot be decoded: that goes on as it is. */
function asIdentity(response: RegistryResponse, request: Sent): RegistryResponse {
  const { method, registry, asked } = request;
  const encoding = encodingOf(response.headers);
  if (encoding === undefined || response.status === 206) return response;
  const headers = new Map(response.headers);
  for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  if (method === "HEAD" || response.status === 304) return { ...response, headers };
  const limit = asked === "manifest" ? maxManifestBytes : undefined;
  const plain = decoded(response.body, encoding, registry.name, limit);
  const body = Readable.from(plain, { objectMode: false, highWaterMark: 64 * 1024 });
  // A failure before anybody reads must not end the process, and what nobody reads is closed too.
  body.on("error", () => undefined);
  body.once("close", () => response.body.destroy());
  return { ...response, headers, body };
}

/**
 * A 206 with everything, to who asked for no part, is the 200 that was meant: container engines take
 * one for the other.
 */
function asWhole(response: RegistryResponse): RegistryResponse {
  if (response.status !== 206) return response;
  const part = parseContentRange(headerValue(response.headers, "content-range") ?? "");
  if (part?.start !== 0 || part.end !== part.size) return response;
  const headers = new Map(response.headers);
  headers.delete("content-range");
  return { ...response, status: 200, headers };
}

/** What is left of an answer whose body was given up. */
export function withoutBody({ status, headers }: RegistryResponse): RegistryResponse {
  const kept = new Map(headers);
  for (const name of ["content-length", "content-encoding"]) kept.delete(name);
  return { status, headers: kept, body: Readable.from([]) };
}
