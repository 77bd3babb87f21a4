/**
 * What a mirror's answers may carry, and so what a stranger's registry may say under our own name: in
 * a browser nothing of it is ever a page, and nothing changes how a page of ours is treated.
 */
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { Ask } from "../ask.ts";

const passing: ReadonlySet<string> = new Set([
  "accept-ranges",
  "age",
  "cache-status",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-range",
  "content-type",
  "date",
  "etag",
  "link",
  "location",
  "range",
  "ratelimit-limit",
  "ratelimit-remaining",
  "retry-after",
  "warning",
  "x-registry-supports-signatures",
]);

/** The upstream's fields as a mirror passes them on; other doors pass them all. */
export function mirrorFields(headers: HeaderList, ask: Ask): HeaderList {
  if (!isUnderOurName(ask)) return headers;
  const passed = [...headers].filter(([name]) => mayPass(name, ask));
  const type = headers.get("content-type")?.[0];
  const list = new Map(passed);
  if (type !== undefined) list.set("content-type", [inertType(type, ask)]);
  return list;
}

/** Whatever the answer is, a browser neither guesses its type nor runs it. */
export function neverAPage(ask: Ask): readonly string[] {
  return isUnderOurName(ask) ? [...noSniffing, "Content-Security-Policy", "sandbox"] : [];
}

export const noSniffing: readonly string[] = ["X-Content-Type-Options", "nosniff"];

/** A type that browsers render becomes one that they show as text or store. */
export function inertType(type: string, ask: Ask): string {
  const [essence = ""] = type.split(";", 1);
  if (!isUnderOurName(ask) || isInert(essence.trim().toLowerCase())) return type;
  return /^\s*text\//i.test(type) ? "text/plain; charset=utf-8" : "application/octet-stream";
}

const inert: ReadonlySet<string> = new Set([
  "application/gzip",
  "application/json",
  "application/octet-stream",
  "application/problem+json",
  "application/x-gzip",
  "application/x-tar",
  "application/zstd",
  "binary/octet-stream",
  "multipart/byteranges",
  "text/plain",
]);

function isInert(essence: string): boolean {
  if (inert.has(essence)) return true;
  return essence.startsWith("application/vnd.") && !essence.endsWith("xml");
}

function mayPass(name: string, ask: Ask): boolean {
  // Names the operator's account or address.
  if (name === "docker-ratelimit-source") return false;
  if (name === "www-authenticate") return !ask.isOpen;
  return passing.has(name) || name.startsWith("docker-") || name.startsWith("oci-");
}

function isUnderOurName({ door }: Ask): boolean {
  return door !== "proxy";
}
