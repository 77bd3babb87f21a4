/**
 * Every repository that a path may be about. Some products serve the registry API under a path of
 * their own (`/artifactory/api/docker/<repo>/v2/<name>/manifests/<tag>`), and a few paths of the API
 * itself can be read in two ways: who judges by name judges all of them.
 */
import { parseDigest } from "./digest.ts";
import { liberalReading } from "./path-faults.ts";
import {
  parseReference,
  parseRepositoryName,
  type Reference,
  type RepositoryName,
} from "./reference.ts";
import { parseRoute, printRoute, type Route, repositoryOf } from "./route.ts";

export type Reading = {
  /** Undefined where what stands in the name's place is none. */
  readonly repository: RepositoryName | undefined;
  /** `other`: lists, signatures, uploads. */
  readonly kind: "manifest" | "blob" | "other";
  /** Of a manifest or a blob, where it can be read. */
  readonly reference: Reference | undefined;
};

/** A path with more than that is nobody's. */
const mostReadings = 16;
const unreadable: Reading = { repository: undefined, kind: "other", reference: undefined };
const apiWord = /\/(manifests|blobs|tags|referrers|signatures)(?=\/)/g;

/** Every `…/v2/<name>/(manifests|blobs|tags|referrers|signatures)/…`, as the most liberal of servers reads it. */
export function readingsOf(path: string): readonly Reading[] {
  const text = liberalReading(path);
  const readings: Reading[] = [];
  for (const root of text.matchAll(/\/v2(?=\/)/gi)) {
    const rest = text.slice(root.index + root[0].length + 1);
    for (const found of rest.matchAll(apiWord)) {
      if (readings.length === mostReadings) return [...readings, unreadable];
      const last = rest.slice(found.index + found[0].length + 1);
      const repository = parseRepositoryName(rest.slice(0, found.index));
      readings.push({ repository, ...contentOf(found[1], last) });
    }
  }
  return readings;
}

/** Whether a path ends in a registry's list of all its repositories, under a prefix or not. */
export function isCatalogPath(path: string): boolean {
  return /\/v2\/_catalog\/?$/i.test(liberalReading(path));
}

function contentOf(word: string | undefined, last: string): Omit<Reading, "repository"> {
  if (word === "manifests") return { kind: "manifest", reference: parseReference(last) };
  if (word !== "blobs" || /^uploads?(?:\/|$)/.test(last)) {
    return { kind: "other", reference: undefined };
  }
  const digest = parseDigest(last);
  const reference = digest === undefined ? undefined : ({ kind: "digest", digest } as const);
  return { kind: "blob", reference };
}

/** A repository called `a/blobs/uploads/b` may as well be an upload's session of the repository `a`. */
export function uploaderOf(repository: RepositoryName): RepositoryName | undefined {
  const end = repository.search(/\/blobs\/uploads?\//);
  return end < 0 ? undefined : parseRepositoryName(repository.slice(0, end));
}

export type PrefixedRoute = { readonly path: string; readonly route: Route };

const contentKinds: ReadonlySet<Route["kind"]> = new Set(["manifest", "blob", "tags", "referrers"]);

/** What is read of a repository under a path prefix, and its path printed again; undefined for all else. */
export function prefixedRoute(path: string): PrefixedRoute | undefined {
  const match = /^((?:\/[\w.~-]+)+?)(\/v2\/.+)$/s.exec(path);
  if (match === null) return undefined;
  const [, prefix = "", rest = ""] = match;
  const route = parseRoute("GET", rest);
  const isContent = contentKinds.has(route.kind) && !/\/\.{1,2}(?:\/|$)/.test(prefix);
  return isContent ? { path: `${prefix}${printRoute(route)}`, route } : undefined;
}

/** The repository that a request is for, with the path prefix of others too. */
export function repositoryAt(path: string): RepositoryName | undefined {
  const own = parseRoute("GET", path);
  const route = own.kind === "outside" ? (prefixedRoute(path)?.route ?? own) : own;
  return repositoryOf(route);
}
