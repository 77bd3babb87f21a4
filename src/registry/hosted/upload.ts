/** Uploads to the hosted registry (OCI distribution-spec end-4, end-5, end-6, end-11, end-13, end-14). */
import type { Upload } from "../../hosted/upload.ts";
import { type Digest, digestOf } from "../../protocol/digest.ts";
import { headerList, headerValue } from "../../protocol/http/header-list.ts";
import type { RepositoryName } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Exchange, Own } from "../exchange.ts";
import { hasBody, readBody } from "../request-body.ts";
import { askerOf, type HostedAsker, isWithin, letWrite } from "./asker.ts";
import type { HostedParts } from "./hosted-parts.ts";
import { empty } from "./own.ts";
import { digestIn, queryOf } from "./query.ts";

/** `POST …/blobs/uploads/`: a mount, a whole blob, or the beginning of an upload. */
export async function beginUpload(exchange: Exchange, parts: HostedParts): Promise<Own> {
  const { route, ask } = exchange;
  if (route.kind !== "upload-start") throw new TypeError(`not an upload: ${route.kind}`);
  const { repository } = route;
  const asker = await askerOf(exchange, parts);
  letWrite(exchange, asker, { repository, action: "push" }, parts);
  const query = queryOf(ask);
  checkAlgorithm(query.get("digest-algorithm"));
  const mount = digestIn(query, "mount");
  if (
    mount !== undefined &&
    (await isMounted({ repository, digest: mount, asker }, query, parts))
  ) {
    return created(repository, mount);
  }
  const digest = digestIn(query, "digest");
  const owner = ownerOf(asker);
  const client = owner === "" ? ask.client : owner;
  const upload = await parts.uploads.begin({ repository, owner, client });
  // Without a body only the empty blob is meant; others are about to come.
  const isWhole = digest !== undefined && (hasBody(exchange.headers) || isEmptyBlob(digest));
  if (!isWhole) return state(202, upload);
  try {
    return await finished(exchange, upload, digest, parts);
  } finally {
    // Nobody was told where to go on with it.
    if (!upload.isOver) await parts.uploads.cancel(upload);
  }
}

/** What is asked of an upload that was begun. */
export async function goOnUpload(exchange: Exchange, parts: HostedParts): Promise<Own> {
  const { route, ask, method } = exchange;
  if (route.kind !== "upload") throw new TypeError(`not an upload: ${route.kind}`);
  const { repository } = route;
  const asker = await askerOf(exchange, parts);
  letWrite(exchange, asker, { repository, action: "push" }, parts);
  const upload = parts.uploads.find(route.session, { repository, owner: ownerOf(asker) });
  switch (method) {
    case "PATCH":
      await append(exchange, upload, parts);
      return state(202, upload);
    case "PUT": {
      const digest = digestIn(queryOf(ask), "digest");
      if (digest === undefined) {
        throw new RegistryError("DIGEST_INVALID", "the parameter digest is missing");
      }
      return finished(exchange, upload, digest, parts);
    }
    case "DELETE":
      await parts.uploads.cancel(upload);
      return empty(204, {});
    case "GET":
    case "HEAD":
      return state(204, upload);
    default:
      throw new RegistryError("UNSUPPORTED", `${method} is not a method of an upload`);
  }
}

async function finished(
  exchange: Exchange,
  upload: Upload,
  digest: Digest,
  parts: HostedParts,
): Promise<Own> {
  if (hasBody(exchange.headers)) await append(exchange, upload, parts);
  await parts.uploads.finish(upload, digest);
  return created(upload.repository, digest);
}

async function append(exchange: Exchange, upload: Upload, parts: HostedParts): Promise<void> {
  const range = contentRange(headerValue(exchange.headers, "content-range"));
  if (range !== undefined && range.start !== upload.written) throw outOfOrder(upload);
  const before = upload.written;
  await parts.uploads.append(upload, readBody(exchange, parts.bodyIdle ?? 60_000));
  const came = upload.written - before;
  if (range !== undefined && came !== range.end - range.start) {
    const sentence = `the Content-Range names ${range.end - range.start} bytes, and ${came} came`;
    throw new RegistryError("SIZE_INVALID", sentence);
  }
}

/** `0-1023`, both included, as the spec has it; `bytes 0-1023/*` is what others write. */
function contentRange(text: string | undefined): { start: number; end: number } | undefined {
  if (text === undefined) return undefined;
  const [, start, end] =
    /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(text.trim()) ?? [];
  if (start === undefined || Number(end) < Number(start)) {
    throw new RegistryError("RANGE_INVALID", "the Content-Range makes no sense");
  }
  return { start: Number(start), end: Number(end) + 1 };
}

type Wanted = {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly asker: HostedAsker;
};

/** From the repository named, or from any that the asker may pull from. */
function isMounted(
  { repository, digest, asker }: Wanted,
  query: URLSearchParams,
  { blobs, rights }: HostedParts,
): Promise<boolean> {
  const named = query.get("from");
  return blobs.mount(repository, digest, (from) => {
    const isMeant = named === null || named === from;
    // A token for less opens no more by a mount than it would by a pull.
    const isInScope = isWithin(asker.scopes, from, "pull") !== false;
    return isMeant && isInScope && rights.may(asker.user, from, "pull");
  });
}

/** Whose uploads are whose; nobody else goes on with them. */
function ownerOf({ user }: HostedAsker): string {
  return user === undefined ? "" : `user ${user}`;
}

function state(status: number, upload: Upload): Own {
  return empty(status, stateFields(upload));
}

function stateFields({ repository, id, written }: Upload) {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    // There is no way to say "none": clients read the end and go on behind it.
    range: `0-${Math.max(0, written - 1)}`,
    "docker-upload-uuid": id,
  };
}

function created(repository: RepositoryName, digest: Digest): Own {
  return empty(201, {
    location: `/v2/${repository}/blobs/${digest}`,
    "docker-content-digest": digest,
  });
}

function outOfOrder(upload: Upload): RegistryError {
  const sentence = `the next byte of this upload is ${upload.written}`;
  return new RegistryError("RANGE_INVALID", sentence, { headers: headerList(stateFields(upload)) });
}

function isEmptyBlob(digest: Digest): boolean {
  const nothing = new Uint8Array();
  return digest === digestOf(nothing) || digest === digestOf(nothing, "sha512");
}

function checkAlgorithm(name: string | null): void {
  if (name === null || name === "sha256" || name === "sha512") return;
  throw new RegistryError("DIGEST_INVALID", "digests here are sha256 or sha512");
}
