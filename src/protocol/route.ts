/**
 * What a `/v2/` path asks for, parsed once from the right end of the path (a repository may well be
 * called `manifests`). Nothing is percent-decoded: an encoded name is no name.
 */
import { type Digest, parseDigest } from "./digest.ts";
import {
  parseReference,
  parseRepositoryName,
  type Reference,
  type RepositoryName,
} from "./reference.ts";
import type { RegistryErrorCode } from "./registry-error.ts";

export type InvalidRoute = {
  readonly kind: "invalid";
  readonly code: RegistryErrorCode;
  readonly message: string;
  readonly status: number;
};

export type Route =
  | { readonly kind: "ping" }
  | { readonly kind: "catalog" }
  | { readonly kind: "blob"; readonly repository: RepositoryName; readonly digest: Digest }
  | {
      readonly kind: "manifest";
      readonly repository: RepositoryName;
      readonly reference: Reference;
    }
  | { readonly kind: "tags"; readonly repository: RepositoryName }
  | { readonly kind: "referrers"; readonly repository: RepositoryName; readonly digest: Digest }
  | { readonly kind: "upload-start"; readonly repository: RepositoryName }
  | { readonly kind: "upload"; readonly repository: RepositoryName; readonly session: string }
  /** Any other path under /v2/, extensions included: the upstream knows what it means. */
  | { readonly kind: "other" }
  /** Not under /v2/ at all: a token service, a download path, a web page of the same host. */
  | { readonly kind: "outside" }
  | InvalidRoute;

export type RouteKind = Route["kind"];

/** The route of a path without its query. The method only tells uploads' `POST …/uploads` spelling apart. */
export function parseRoute(method: string, path: string): Route {
  if (path === "/v2/") return { kind: "ping" };
  if (path === "/v2/_catalog") return { kind: "catalog" };
  if (!path.startsWith("/v2/")) return { kind: "outside" };
  if (hasOddSegment(path)) {
    return invalid("NAME_INVALID", `${excerpt(path)} is not a path of the registry API`, 404);
  }
  const rest = path.slice(4);
  return (
    parseUpload(method, rest) ??
    parseLeaf(rest, /^(.*)\/tags\/list$/, tagsRoute) ??
    parseLeaf(rest, /^(.*)\/blobs\/([^/]+)$/, blobRoute) ??
    parseLeaf(rest, /^(.*)\/manifests\/([^/]+)$/, manifestRoute) ??
    parseLeaf(rest, /^(.*)\/referrers\/([^/]+)$/, referrersRoute) ?? { kind: "other" }
  );
}

type Leaf = (repository: RepositoryName, last: string) => Route;

function parseLeaf(rest: string, shape: RegExp, leaf: Leaf): Route | undefined {
  const match = shape.exec(rest);
  if (match === null) return undefined;
  const name = match[1] ?? "";
  const repository = parseRepositoryName(name);
  return repository === undefined ? invalidName(name) : leaf(repository, match[2] ?? "");
}

function parseUpload(method: string, rest: string): Route | undefined {
  // `POST …/blobs/uploads` without the slash is what some clients send; as a digest it is nonsense.
  const start = method === "POST" ? /^(.*)\/blobs\/uploads\/?$/ : /^(.*)\/blobs\/uploads\/$/;
  return (
    parseLeaf(rest, start, (repository) => ({ kind: "upload-start", repository })) ??
    parseLeaf(rest, /^(.*)\/blobs\/uploads\/([^/]+)$/, (repository, session) => ({
      kind: "upload",
      repository,
      session,
    }))
  );
}

function tagsRoute(repository: RepositoryName): Route {
  return { kind: "tags", repository };
}

function blobRoute(repository: RepositoryName, text: string): Route {
  const digest = parseDigest(text);
  return digest === undefined ? foreignDigest(text) : { kind: "blob", repository, digest };
}

function manifestRoute(repository: RepositoryName, text: string): Route {
  const reference = parseReference(text);
  if (reference !== undefined) return { kind: "manifest", repository, reference };
  if (text.includes(":")) return foreignDigest(text);
  return invalid("TAG_INVALID", `${excerpt(text)} is not a tag`, 400);
}

function referrersRoute(repository: RepositoryName, text: string): Route {
  const digest = parseDigest(text);
  return digest === undefined ? foreignDigest(text) : { kind: "referrers", repository, digest };
}

/** OCI image-spec descriptor.md#digests; what it allows and we cannot verify is the upstream's business. */
const digestGrammar = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):[a-zA-Z0-9=_-]+$/;

function foreignDigest(text: string): Route {
  const algorithm = digestGrammar.exec(text)?.[1];
  if (algorithm === undefined || algorithm === "sha256" || algorithm === "sha512") {
    return invalid("DIGEST_INVALID", `${excerpt(text)} is not a digest`, 400);
  }
  return { kind: "other" };
}

function invalidName(name: string): InvalidRoute {
  return invalid(
    "NAME_INVALID",
    `${excerpt(name)} is not a repository name`,
    name.includes("%") ? 404 : 400,
  );
}

function invalid(code: RegistryErrorCode, message: string, status: number): InvalidRoute {
  return { kind: "invalid", code, message, status };
}

/** Dot segments, however spelt, and backslashes: two servers may read them in two ways. */
function hasOddSegment(path: string): boolean {
  return path.includes("\\") || /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path);
}

/** Quoted for a message, as printable ASCII of bounded length. */
function excerpt(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, "?");
  return `"${printable.length > 80 ? `${printable.slice(0, 77)}...` : printable}"`;
}
