/** How long a request may wait for what: its connection, its headers, the next byte of its body. */
import type { Patience } from "../registry-client.ts";

/** Milliseconds. */
export type TransportLimits = {
  readonly headers: number;
  readonly lists: number;
  readonly briefConnect: number;
  readonly briefHeaders: number;
  /** For whatever is not GET or HEAD: a registry may take minutes to put a pushed layer away. */
  readonly writeHeaders: number;
  readonly uploadIdle: number;
  /** Between bytes of an answer, where patience is `open`. */
  readonly openIdle: number;
};

export const usualLimits: TransportLimits = {
  headers: 25_000,
  lists: 120_000,
  briefConnect: 1_000,
  // A pull of what is kept may lose two seconds in all, and this is not the only thing it waits for.
  briefHeaders: 1_750,
  writeHeaders: 300_000,
  uploadIdle: 60_000,
  openIdle: 15 * 60_000,
};

/** To the headers; from the start, or from the last byte of the request's body on. */
export function budgetOf(
  limits: TransportLimits,
  { method, patience }: { readonly method: string; readonly patience: Patience },
): number {
  if (patience === "brief") return limits.briefHeaders;
  if (patience === "open") return Number.POSITIVE_INFINITY;
  if (method !== "GET" && method !== "HEAD") return limits.writeHeaders;
  return patience === "list" ? limits.lists : limits.headers;
}
