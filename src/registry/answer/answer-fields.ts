/** The header fields of our answers, flat as `writeHead` takes them, with names as people write them. */
import type { CacheOutcome, Content, Elsewhere, Passed } from "../../cache/content.ts";
import { type CacheStatus, printCacheStatus } from "../../protocol/http/caching-fields.ts";
import { endToEnd, type HeaderList } from "../../protocol/http/header-list.ts";
import { inertAnswerFields } from "../../protocol/http/own-answer-fields.ts";
import { printRateLimit } from "../../protocol/http/rate-limit.ts";
import type { RegistryError } from "../../protocol/registry-error.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { Ask } from "../ask.ts";
import type { Exchange, Own } from "../exchange.ts";
import { fieldName } from "./field-names.ts";
import { viewedFields } from "./view.ts";

const cacheName = "entrepot";

/** Seconds after which a mirror that could not answer may be asked again. */
const retryAfter = 5;

const statusOf: Readonly<Record<CacheOutcome, CacheStatus>> = {
  hit: { isHit: true },
  miss: { fwd: "miss", isStored: true },
  collapsed: { fwd: "miss", isCollapsed: true },
  revalidated: { fwd: "stale", detail: "revalidated" },
  stale: { fwd: "stale", detail: "stale" },
  negative: { isHit: true, detail: "negative" },
  bypass: { fwd: "bypass" },
};

export function printOutcome(outcome: CacheOutcome): string {
  return printCacheStatus(cacheName, statusOf[outcome]);
}

/** What every answer out of the cache carries, but its length and range. `isPart`: less than all of it is asked for. */
export function contentFields(exchange: Exchange, content: Content, isPart = false): string[] {
  const fields = [
    "Docker-Content-Digest",
    content.digest,
    "Docker-Distribution-Api-Version",
    "registry/2.0",
    "ETag",
    `"${content.digest}"`,
    "Accept-Ranges",
    "bytes",
    ...(exchange.ask.door === "proxy" ? noSniffing : neverAPage(exchange.ask)),
  ];
  // What was pushed here is no copy of anything.
  if (exchange.ask.door !== "hosted") {
    // Whether all of it will ever be kept nobody knows yet.
    const isUnkept = isPart && content.outcome === "miss";
    const status = isUnkept ? printCacheStatus(cacheName, { fwd: "miss" }) : undefined;
    fields.push("Cache-Status", status ?? printOutcome(content.outcome));
  }
  if (content.age !== undefined) fields.push("Age", String(Math.max(0, Math.floor(content.age))));
  if (content.warning !== undefined) fields.push("Warning", printWarning(content.warning));
  if (content.rateLimit !== undefined) fields.push(...printRateLimit(content.rateLimit));
  return [...fields, ...namespaceField(exchange)];
}

/** The link opens the blob to whoever has it, and not for long: nobody keeps it. */
export function elsewhereFields(exchange: Exchange, elsewhere: Elsewhere): string[] {
  const { digest, location, outcome } = elsewhere;
  const what = ["Location", location, "Docker-Content-Digest", digest, "Cache-Control", "no-store"];
  const told = ["Cache-Status", printOutcome(outcome), ...neverAPage(exchange.ask)];
  return [...what, ...told, ...namespaceField(exchange)];
}

/** The upstream's end-to-end fields as this client must see them. */
export function passedFields(exchange: Exchange, passed: Passed): string[] {
  const { response, outcome, age, warning } = passed;
  const { ask, tally } = exchange;
  const headers = new Map(viewedFields(mirrorFields(endToEnd(response.headers), ask), ask));
  // Would lead clients past the proxy.
  headers.delete("alt-svc");
  // Names the operator's account or address.
  headers.delete("docker-ratelimit-source");
  // A page of another site may read what everybody may, and what its own login opens.
  if (tally.isShared) {
    for (const name of headers.keys()) if (/^access-control-/.test(name)) headers.delete(name);
  }
  // A 204 has no body and may not name the length of one (RFC 9110 §8.6).
  if (response.status === 204) headers.delete("content-length");
  // Each cache on the way adds itself at the end (RFC 9211 §2).
  const before = headers.get("cache-status") ?? [];
  headers.set("cache-status", [...before, printOutcome(outcome)]);
  if (age !== undefined) headers.set("age", [String(age)]);
  if (warning !== undefined) headers.set("warning", [printWarning(warning)]);
  const fields = flatFields(withRetryAfter(headers, exchange, response.status));
  return [...fields, ...neverAPage(exchange.ask)];
}

/** Made here without asking anybody, so the cache says no more than its name (RFC 9211 §2). */
export function ownFields(exchange: Exchange, { headers }: Own): string[] {
  const told = [...flatFields(headers), "Cache-Status", cacheName];
  return [...told, ...neverPages, ...namespaceField(exchange)];
}

/** What an answer of our own about an error carries besides its own fields. */
export function errorFields(exchange: Exchange, error: RegistryError): string[] {
  const status: CacheStatus =
    error.cause instanceof UpstreamError
      ? { fwd: "miss", detail: error.cause.told.code }
      : { detail: error.code };
  const headers = new Map(withRetryAfter(error.headers, exchange, error.status));
  if (exchange.route.kind !== "outside") {
    headers.set("docker-distribution-api-version", ["registry/2.0"]);
  }
  const told = [...flatFields(headers), "Cache-Status", printCacheStatus(cacheName, status)];
  return [...told, ...neverPages, ...namespaceField(exchange)];
}

/** A mirror in trouble always says so: its clients go elsewhere meanwhile. */
function withRetryAfter(headers: HeaderList, { ask }: Exchange, status: number): HeaderList {
  const isTrouble = ask.door === "mirror" && status >= 500;
  if (!isTrouble || headers.has("retry-after")) return headers;
  return new Map([...headers, ["retry-after", [String(retryAfter)]]]);
}

/** As the client spelled it (OCI distribution-spec, registry proxying). */
function namespaceField({ ask }: Exchange): string[] {
  return ask.view.namespace === undefined ? [] : ["OCI-Namespace", ask.view.namespace];
}

/** Values that no HTTP field may have are left out: Node would throw. */
export function flatFields(headers: HeaderList): string[] {
  const flat: string[] = [];
  for (const [name, values] of headers) {
    for (const value of values) {
      if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) flat.push(fieldName(name), value);
    }
  }
  return flat;
}

/** podman and skopeo show it (RFC 7234 §5.5; the OCI spec asks for code 299 and no date). */
function printWarning(text: string): string {
  return `299 - "${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}

/**
 * What a mirror's answers may carry, and so what a stranger's registry may say under our own name: in
 * a browser nothing of it is ever a page, and nothing changes how a page of ours is treated.
 */
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
  const links = headers.get("link")?.filter((link) => isNextPage.test(link));
  if (links !== undefined) list.set("link", links);
  if (type !== undefined) list.set("content-type", [inertType(type, ask)]);
  return list;
}

/** Others make a browser fetch what a stranger names, for a style sheet. */
const isNextPage = /^<[^<>]*>; *rel="?next"?$/i;

/** What comes from a registry is, under our own name, as harmless as what we say ourselves. */
function neverAPage(ask: Ask): readonly string[] {
  return isUnderOurName(ask) ? neverPages : [];
}

const neverPages: readonly string[] = Object.entries(inertAnswerFields).flat();

const noSniffing: readonly string[] = ["X-Content-Type-Options", "nosniff"];

/**
 * A type that browsers render becomes one that they show as text or store. Of several in one field they
 * take the last, so it is one type alone that passes, with the parameters that say how it is read.
 */
export function inertType(type: string, ask: Ask): string {
  if (!isUnderOurName(ask)) return type;
  const [essence = "", ...parameters] = type.split(";").map((part) => part.trim());
  if (!isInert(essence.toLowerCase()))
    return /^text\//i.test(essence) ? "text/plain; charset=utf-8" : "application/octet-stream";
  return [essence, ...parameters.filter((one) => plainParameter.test(one))].join("; ");
}

const plainParameter = /^(?:charset="?utf-8"?|boundary="?[\w.:+-]+"?)$/i;

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
  return /^application\/vnd\.[\w.+-]+$/.test(essence) && !essence.endsWith("xml");
}

function mayPass(name: string, ask: Ask): boolean {
  if (name === "www-authenticate") return !ask.isOpen;
  return passing.has(name) || name.startsWith("docker-") || name.startsWith("oci-");
}

function isUnderOurName({ door }: Ask): boolean {
  return door !== "proxy";
}
