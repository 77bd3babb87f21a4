/**
 * What a `/v2/` path asks for, parsed once from the right end of the path (a repository may well be
 * called `manifests`) and printed back: rules judge the route, and what is sent is printed from it.
 */
import { type Digest, parseDigest } from "./digest.ts";
import {
  hasEmptySegment,
  hasOddSegment,
  isDisguised,
  isOddSession,
  mayLeadElsewhere,
} from "./path-faults.ts";
import {
  parseReference,
  parseRepositoryName,
  printReference,
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
  /** What stands behind `/blobs/` is the registry's own and kept byte for byte: `uploads/<session>`. */
  | {
      readonly kind: "upload";
      readonly repository: RepositoryName;
      readonly word: "uploads" | "upload";
      readonly session: string;
    }
  /** Docker's signature extension, `/extensions/v2/<name>/signatures/<digest>`. */
  | { readonly kind: "signatures"; readonly repository: RepositoryName; readonly digest: Digest }
  /** Any other path under /v2/, extensions included: the upstream knows what it means. */
  | OtherRoute
  /** Not under /v2/ at all: a token service, a download path, a web page of the same host. */
  | { readonly kind: "outside"; readonly path: string }
  | InvalidRoute;

type OtherRoute = {
  readonly kind: "other";
  readonly path: string;
  /** Where it is a digest that nobody here can verify, of content of this repository. */
  readonly repository?: RepositoryName;
};

export type RouteKind = Route["kind"];

/** The route of a path without its query. The method only tells uploads' `POST …/uploads` spelling apart. */
export function parseRoute(method: string, path: string): Route {
  if (path === "/v2/") return { kind: "ping" };
  if (!path.startsWith("/v2/")) return outsideRoute(path);
  if (hasOddSegment(path)) return notOfTheApi(path);
  if (path === "/v2/_catalog") return { kind: "catalog" };
  const upload = uploadRoute(path);
  if (hasEmptySegment(path)) return upload ?? notOfTheApi(path);
  const found = leafRoute(method, path);
  if (found !== undefined && found.kind !== "invalid") return found;
  return upload ?? found ?? otherRoute(path);
}

/** The path again, in the one spelling that is sent; undefined for what is not sent at all. */
export function printRoute(route: Route): string | undefined {
  switch (route.kind) {
    case "ping":
      return "/v2/";
    case "catalog":
      return "/v2/_catalog";
    case "blob":
      return `/v2/${route.repository}/blobs/${route.digest}`;
    case "manifest":
      return `/v2/${route.repository}/manifests/${printReference(route.reference)}`;
    case "tags":
      return `/v2/${route.repository}/tags/list`;
    case "referrers":
      return `/v2/${route.repository}/referrers/${route.digest}`;
    case "upload-start":
      return `/v2/${route.repository}/blobs/uploads/`;
    case "upload":
      return `/v2/${route.repository}/blobs/${route.word}/${route.session}`;
    case "signatures":
      return `/extensions/v2/${route.repository}/signatures/${route.digest}`;
    case "other":
    case "outside":
      return route.path;
    case "invalid":
      return undefined;
  }
}

/** The repository that it is in, if it is in any. */
export function repositoryOf(route: Route): RepositoryName | undefined {
  return "repository" in route ? route.repository : undefined;
}

type RouteOf = (repository: RepositoryName, last: string) => Route;

const wordRoutes: ReadonlyMap<string, RouteOf> = new Map([
  ["blobs", blobRoute],
  ["manifests", manifestRoute],
  ["referrers", referrersRoute],
  ["tags", tagsRoute],
]);

/** Read from the end: what stands behind the last word of the API, and the name before it. */
function leafRoute(method: string, path: string): Route | undefined {
  const rest = path.slice(4);
  const end = rest.lastIndexOf("/");
  const start = rest.lastIndexOf("/", end - 1);
  if (start < 0) return undefined;
  const [name, word, last] = [
    rest.slice(0, start),
    rest.slice(start + 1, end),
    rest.slice(end + 1),
  ];
  if (word === "uploads" && last === "" && name.endsWith("/blobs")) {
    return inRepository(name.slice(0, -"/blobs".length), startRoute);
  }
  // `POST …/blobs/uploads` without the slash is what some clients send; as a digest it is nonsense.
  if (word === "blobs" && last === "uploads" && method === "POST") {
    return inRepository(name, startRoute);
  }
  const routeOf = last === "" ? undefined : wordRoutes.get(word);
  if (routeOf === undefined || (word === "tags" && last !== "list")) return undefined;
  return inRepository(name, (repository) => routeOf(repository, last.replace(/%3a/gi, ":")));
}

/** The session may hold slashes and escapes: whatever the registry's Location said. */
function uploadRoute(path: string): Route | undefined {
  const match = /^\/v2\/(.+?)\/blobs\/(uploads?)\/(.+)$/s.exec(path);
  if (match === null) return undefined;
  const [, name = "", text, session = ""] = match;
  if (session.startsWith("/") || isOddSession(session)) return notOfTheApi(path);
  const word = text === "upload" ? "upload" : "uploads";
  return inRepository(name, (repository) => ({ kind: "upload", repository, word, session }));
}

/** One slash more, and a server that does not mind it reads a route that is judged otherwise. */
function otherRoute(path: string): Route {
  const isRouteToo = path.endsWith("/") && leafRoute("", path.slice(0, -1)) !== undefined;
  return isRouteToo || path.includes("%") ? notOfTheApi(path) : { kind: "other", path };
}

function outsideRoute(path: string): Route {
  if (isDisguised(path) || mayLeadElsewhere(path)) return notOfTheApi(path);
  return signaturesRoute(path) ?? { kind: "outside", path };
}

function signaturesRoute(path: string): Route | undefined {
  const match = /^\/extensions\/v2\/(.+)\/signatures\/([^/]+)$/.exec(path);
  const repository = parseRepositoryName(match?.[1] ?? "");
  const digest = parseDigest(match?.[2] ?? "");
  if (repository === undefined || digest === undefined) return undefined;
  return { kind: "signatures", repository, digest };
}

function startRoute(repository: RepositoryName): Route {
  return { kind: "upload-start", repository };
}

function tagsRoute(repository: RepositoryName): Route {
  return { kind: "tags", repository };
}

function blobRoute(repository: RepositoryName, text: string): Route {
  const digest = parseDigest(text);
  if (digest === undefined) return foreignDigest(repository, "blobs", text);
  return { kind: "blob", repository, digest };
}

function manifestRoute(repository: RepositoryName, text: string): Route {
  const reference = parseReference(text);
  if (reference !== undefined) return { kind: "manifest", repository, reference };
  if (text.includes(":")) return foreignDigest(repository, "manifests", text);
  return invalid("TAG_INVALID", `${excerpt(text)} is not a tag`, 400);
}

function referrersRoute(repository: RepositoryName, text: string): Route {
  const digest = parseDigest(text);
  if (digest === undefined) return foreignDigest(repository, "referrers", text);
  return { kind: "referrers", repository, digest };
}

/** OCI image-spec descriptor.md#digests; what it allows and we cannot verify is the upstream's business. */
const digestGrammar = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):[a-zA-Z0-9=_-]+$/;

function foreignDigest(repository: RepositoryName, word: string, text: string): Route {
  const algorithm = digestGrammar.exec(text)?.[1];
  if (algorithm === undefined || algorithm === "sha256" || algorithm === "sha512") {
    return invalid("DIGEST_INVALID", `${excerpt(text)} is not a digest`, 400);
  }
  return { kind: "other", path: `/v2/${repository}/${word}/${text}`, repository };
}

/** Some SDKs escape the slashes of a name, and nothing else of it. */
function inRepository(text: string, routeOf: (repository: RepositoryName) => Route): Route {
  const name = text.replace(/%2f/gi, "/");
  const repository = parseRepositoryName(name);
  if (repository !== undefined) return routeOf(repository);
  const status = name.includes("%") ? 404 : 400;
  return invalid("NAME_INVALID", `${excerpt(name)} is not a repository name`, status);
}

function notOfTheApi(path: string): InvalidRoute {
  return invalid("NAME_INVALID", `${excerpt(path)} is not a path of the registry API`, 404);
}

function invalid(code: RegistryErrorCode, message: string, status: number): InvalidRoute {
  return { kind: "invalid", code, message, status };
}

/** Quoted for a message, as printable ASCII of bounded length. */
function excerpt(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, "?");
  return `"${printable.length > 80 ? `${printable.slice(0, 77)}...` : printable}"`;
}
