/**
 * The requests that may carry a login of ours, or a token got with it: reads of the registry API,
 * printed here from the parsed route, field by field. Whatever else a client asked for goes without.
 */
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { splitTarget } from "../../protocol/http/target.ts";
import { parseRoute, printRoute } from "../../protocol/route.ts";
import { prefixedRoute } from "../../protocol/route-readings.ts";

export type OwnRequest = {
  readonly target: string;
  readonly headers: HeaderList;
  /** Under a path prefix a token goes, which is good for one repository, and no password. */
  readonly isForTokensOnly: boolean;
};

type Asked = { readonly method: string; readonly target: string; readonly headers: HeaderList };

const fields = /^(?:accept|accept-encoding|range|if-[a-z-]+|user-agent)$/;
/** Ours to take off, and what some frameworks take for the method. */
const foreignParameters: ReadonlySet<string> = new Set(["ns", "_method"]);

/** Undefined where no login of ours may go. */
export function ownRequest({ method, target, headers }: Asked): OwnRequest | undefined {
  if (method !== "GET" && method !== "HEAD") return undefined;
  const { path, query } = splitTarget(target);
  const printed = printedPath(path);
  if (printed === undefined) return undefined;
  return {
    target: printed.path + (printed.hasQuery ? ownQuery(query) : ""),
    headers: new Map([...headers].filter(([name]) => fields.test(name))),
    isForTokensOnly: printed.isForTokensOnly,
  };
}

/**
 * Of the algorithms that are registered for content (OCI image-spec, descriptor.md) the one that nobody here
 * can verify. Others are the client's own affair: what comes under them may be anything.
 */
const registered = /\/blake3:[0-9a-f]+$/;

type Printed = {
  readonly path: string;
  readonly hasQuery: boolean;
  readonly isForTokensOnly: boolean;
};

function printedPath(text: string): Printed | undefined {
  const route = parseRoute("GET", text);
  const path = printRoute(route);
  switch (route.kind) {
    case "ping":
    case "manifest":
    case "blob":
    case "signatures":
      return path === undefined ? undefined : { path, hasQuery: false, isForTokensOnly: false };
    case "catalog":
    case "tags":
    case "referrers":
      return path === undefined ? undefined : { path, hasQuery: true, isForTokensOnly: false };
    case "outside": {
      const under = prefixedRoute(text);
      if (under === undefined) return undefined;
      const isList = under.route.kind === "tags" || under.route.kind === "referrers";
      return { path: under.path, hasQuery: isList, isForTokensOnly: true };
    }
    case "other": {
      const isContent = route.repository !== undefined && registered.test(route.path);
      return isContent ? { path: route.path, hasQuery: false, isForTokensOnly: false } : undefined;
    }
    case "upload-start":
    case "upload":
    case "invalid":
      return undefined;
  }
}

/** A list's paging, in the registry's own keys and as it was written. */
function ownQuery(query: string): string {
  const kept = query.split("&").filter((pair) => pair !== "" && !pair.split(";").some(isForeign));
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

function isForeign(pair: string): boolean {
  const [name = ""] = new URLSearchParams(pair).keys();
  return foreignParameters.has(name.trim().toLowerCase());
}
