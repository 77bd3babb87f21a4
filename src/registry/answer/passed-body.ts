/** What an upstream's own answer turns into where a mirror must not pass it on as it is. */

import { Readable } from "node:stream";
import { readBody } from "../../cache/asking/small-answer.ts";
import type { Passed } from "../../cache/content.ts";
import { RegistryError, type RegistryErrorCode } from "../../protocol/registry-error.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import type { RouteKind } from "../../protocol/route.ts";
import type { UnusedLogin } from "../../upstream/auth/unused-logins.ts";
import type { Exchange } from "../exchange.ts";
import { hasOwnNames, viewedNames } from "./view.ts";

/** The login that was meant to open this registry, and why it does not. */
export type UnusedLoginAt = (registry: Registry) => UnusedLogin | undefined;

const largestList = 4 * 1024 * 1024;

const unknownCode: Readonly<Partial<Record<RouteKind, RegistryErrorCode>>> = {
  blob: "BLOB_UNKNOWN",
  manifest: "MANIFEST_UNKNOWN",
};

/** The answer as this client may have it; throws RegistryError where it may not. */
export async function presentable(
  exchange: Exchange,
  passed: Passed,
  unusedLogin: UnusedLoginAt = () => undefined,
): Promise<Passed> {
  refuseWhatLeadsAstray(exchange, passed.response.status, unusedLogin);
  return bearsForeignNames(exchange, passed) ? withOwnNames(exchange, passed) : passed;
}

/**
 * An open mirror never challenges: dockerd would hand it its Docker Hub login. A client cannot
 * follow a redirect that leads past the mirror either. Both are "not here", and it tries elsewhere.
 */
function refuseWhatLeadsAstray(
  { ask, route, method }: Exchange,
  status: number,
  unusedLogin: UnusedLoginAt,
): void {
  const isForeign = ask.foreign !== undefined;
  const isRefused = (ask.isOpen || isForeign) && (status === 401 || status === 403);
  const leadsAway =
    ask.door === "mirror" &&
    (route.kind === "manifest" || route.kind === "blob") &&
    isRedirect(status);
  if (!isRefused && !leadsAway) return;
  if (isRefused && ask.foreign !== undefined) throw new RegistryError("DENIED", ask.foreign);
  const registry = ask.registry.name;
  if (method !== "GET" && method !== "HEAD") {
    throw new RegistryError(
      "DENIED",
      `${registry} wants a login for this, and a mirror passes none on; push to ${registry} itself`,
    );
  }
  throw new RegistryError(
    unknownCode[route.kind] ?? "NAME_UNKNOWN",
    `${registry} does not give this out without a login; ${loginMissing(unusedLogin(ask.registry))}`,
    { status: 404 },
  );
}

function loginMissing(unused: UnusedLogin | undefined): string {
  if (unused === undefined) return "AUTH_REGISTRIES on the mirror has none that opens it";
  const { tokenHost, line } = unused;
  return `the mirror's goes nowhere, since tokens come from ${tokenHost}: it needs ${line}`;
}

/** Tag lists and catalogs name repositories in their body. */
function bearsForeignNames({ ask, route, method }: Exchange, { response }: Passed): boolean {
  const isList = route.kind === "tags" || route.kind === "catalog";
  const isReadable = response.status === 200 && !response.headers.has("content-encoding");
  return isList && method === "GET" && isReadable && hasOwnNames(ask);
}

async function withOwnNames({ ask }: Exchange, passed: Passed): Promise<Passed> {
  const body = await readBody(passed.response, largestList);
  if (body === undefined) {
    throw new RegistryError("UNKNOWN", `${ask.registry.name} sent a list of more than 4 MiB`, {
      status: 502,
    });
  }
  const viewed = viewedNames(body, ask);
  const headers = new Map(passed.response.headers);
  headers.set("content-length", [String(viewed.length)]);
  return { ...passed, response: { ...passed.response, headers, body: Readable.from([viewed]) } };
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}
