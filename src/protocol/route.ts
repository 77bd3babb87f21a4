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
  const isOutside = !path.startsWith("/v2/");
  if (isOutside ? isDisguised(path) : hasOddSegment(path)) {
    return invalid("NAME_INVALID", `${excerpt(path)} is not a path of the registry API`, 404);
  }
  if (isOutside) return { kind: "outside" };
  const rest = path.slice(4);
  const leaf = leafOf(method, rest);
  if (leaf === undefined) return { kind: "other" };
  const repository = parseRepositoryName(leaf.name);
  return repository === undefined ? invalidName(leaf.name) : leaf.route(repository, leaf.last);
}

type LeafRoute = (repository: RepositoryName, last: string) => Route;

/** A path read from its end: the repository's name, and what stands behind the word after it. */
type Leaf = { readonly name: string; readonly last: string; readonly route: LeafRoute };

const leafRoutes: ReadonlyMap<string, LeafRoute> = new Map([
  ["blobs", blobRoute],
  ["manifests", manifestRoute],
  ["referrers", referrersRoute],
  ["tags", tagsRoute],
]);

function leafOf(method: string, rest: string): Leaf | undefined {
  const end = rest.lastIndexOf("/");
  const last = rest.slice(end + 1);
  const start = rest.lastIndexOf("/", end - 1);
  if (start < 0) return undefined;
  const word = rest.slice(start + 1, end);
  const name = rest.slice(0, start);
  if (word === "uploads" && name.endsWith("/blobs")) {
    return { name: name.slice(0, -"/blobs".length), last, route: uploadRoute };
  }
  // `POST …/blobs/uploads` without the slash is what some clients send; as a digest it is nonsense.
  if (word === "blobs" && last === "uploads" && method === "POST") {
    return { name, last: "", route: uploadRoute };
  }
  const route = last === "" ? undefined : leafRoutes.get(word);
  if (route === undefined || (word === "tags" && last !== "list")) return undefined;
  return { name, last, route };
}

function uploadRoute(repository: RepositoryName, session: string): Route {
  if (session === "") return { kind: "upload-start", repository };
  return { kind: "upload", repository, session };
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

/**
 * Whether a server that is liberal in what it takes would find itself under /v2/: many merge slashes
 * (nginx does), and what is outside obeys neither POLICY nor ALLOW_PUSH.
 */
function isDisguised(path: string): boolean {
  const segments: string[] = [];
  for (const segment of decoded(decoded(path)).replaceAll("\\", "/").split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments.length > 1 && segments[0]?.toLowerCase() === "v2";
}

function decoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** Quoted for a message, as printable ASCII of bounded length. */
function excerpt(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, "?");
  return `"${printable.length > 80 ? `${printable.slice(0, 77)}...` : printable}"`;
}
