/** The Cache-Status field (RFC 9211): how a cache came by its answer. */

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
