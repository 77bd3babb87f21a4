/** What a client asks of a cache (Cache-Control, RFC 9111 §5.2), and how a cache says it came by its answer (Cache-Status, RFC 9211). */
import type { HeaderList } from "./header-list.ts";

/** Directive names in lower case with their argument, "" when there is none; the first of a name wins. */
export type CacheDirectives = ReadonlyMap<string, string>;

const directive = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,]*))?/g;

/** Tolerant: what is no directive is skipped. */
export function parseCacheControl(lines: readonly string[]): CacheDirectives {
  const directives = new Map<string, string>();
  for (const [, name = "", argument = ""] of lines.join(",").matchAll(directive)) {
    const key = name.toLowerCase();
    if (!directives.has(key)) directives.set(key, unquote(argument));
  }
  return directives;
}

/** Whether a client insists that what is kept be confirmed upstream before it is served. */
export function wantsRevalidation(headers: HeaderList): boolean {
  const lines = headers.get("cache-control");
  // Pragma counts only where Cache-Control is absent (RFC 9111 §5.4).
  if (lines === undefined) {
    const pragma = headers.get("pragma");
    return pragma !== undefined && parseCacheControl(pragma).has("no-cache");
  }
  const directives = parseCacheControl(lines);
  return directives.has("no-cache") || directives.get("max-age") === "0";
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text;
}

/** Why the request went forward (RFC 9211 §2.2). */
export type ForwardReason =
  | "bypass"
  | "method"
  | "uri-miss"
  | "vary-miss"
  | "miss"
  | "request"
  | "stale"
  | "partial";

export type CacheStatus = {
  /** Served from the cache without asking anybody; excludes `fwd`. */
  readonly isHit?: boolean;
  readonly fwd?: ForwardReason;
  /** Status that the upstream answered, when it differs from ours. */
  readonly fwdStatus?: number;
  readonly isStored?: boolean;
  /** Joined another client's request. */
  readonly isCollapsed?: boolean;
  readonly detail?: string;
};

/** Prints one member: `entrepot; fwd=miss; stored`. */
export function printCacheStatus(cacheName: string, status: CacheStatus): string {
  const parts = [cacheName];
  if (status.isHit === true) parts.push("hit");
  if (status.fwd !== undefined) parts.push(`fwd=${status.fwd}`);
  if (status.fwdStatus !== undefined) parts.push(`fwd-status=${status.fwdStatus}`);
  if (status.isStored === true) parts.push("stored");
  if (status.isCollapsed === true) parts.push("collapsed");
  if (status.detail !== undefined) parts.push(`detail=${printDetail(status.detail)}`);
  return parts.join("; ");
}

/** A token where it can be, else a string (RFC 9651 §3.3.3 and §3.3.4). */
function printDetail(text: string): string {
  if (/^[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*$/.test(text)) return text;
  return `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
