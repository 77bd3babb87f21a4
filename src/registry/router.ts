/** Method and route to handler. What is not in the table is refused; writing obeys ALLOW_PUSH. */
import { headerList } from "../protocol/http/header-list.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import type { Route, RouteKind } from "../protocol/route.ts";
import { readingsOf } from "../protocol/route-readings.ts";
import type { Handler } from "./exchange.ts";

export type Handlers = {
  readonly ping: Handler;
  readonly pullBlob: Handler;
  readonly pullManifest: Handler;
  readonly pullList: Handler;
  readonly pushUpload: Handler;
  readonly pushManifest: Handler;
  /** Passes on what is no pull and no push, in the client's own name. */
  readonly pass: Handler;
};

type Methods = ReadonlyMap<string, keyof Handlers>;

const table: Readonly<Record<Exclude<RouteKind, "invalid" | "outside">, Methods>> = {
  ping: methods({ "GET HEAD": "ping" }),
  catalog: methods({ "GET HEAD": "pullList" }),
  tags: methods({ "GET HEAD": "pullList" }),
  referrers: methods({ "GET HEAD": "pullList" }),
  blob: methods({ "GET HEAD": "pullBlob", DELETE: "pushUpload" }),
  manifest: methods({ "GET HEAD": "pullManifest", "PUT DELETE": "pushManifest" }),
  "upload-start": methods({ POST: "pushUpload" }),
  // The state of an upload is asked for by whoever is pushing it.
  upload: methods({ "GET HEAD PATCH PUT POST DELETE": "pushUpload" }),
  signatures: methods({ "GET HEAD PUT DELETE": "pass" }),
  other: methods({ "GET HEAD": "pullList", "PATCH PUT POST DELETE": "pushUpload" }),
};

/** Throws RegistryError when there is none: the route's own error, or UNSUPPORTED (405). */
export function findHandler(
  route: Route,
  method: string,
  handlers: Handlers,
  isPushAllowed: boolean,
): Handler {
  if (route.kind === "invalid") {
    throw new RegistryError(route.code, route.message, { status: route.status });
  }
  if (!isPushAllowed && !isReading(route, method)) throw notAllowed();
  // A preflight is the registry's own to answer.
  if (route.kind === "outside" || method === "OPTIONS") return handlers.pass;
  const known = table[route.kind];
  const handler = known.get(method);
  if (handler === undefined) throw notThere(method, [...known.keys()]);
  return handlers[handler];
}

function methods(handlers: Readonly<Record<string, keyof Handlers>>): Methods {
  return new Map(
    Object.entries(handlers).flatMap(([names, handler]) =>
      names.split(" ").map((name): [string, keyof Handlers] => [name, handler]),
    ),
  );
}

/** `git fetch` and token requests are reads that are sent by POST. */
export function isReading(route: Route, method: string): boolean {
  if (method === "GET" || method === "HEAD" || method === "OPTIONS") return true;
  if (method !== "POST" || route.kind !== "outside") return false;
  const isRead = /\/git-upload-pack$|^\/(?:oauth2\/)?(?:token|exchange)$/.test(route.path);
  return isRead && readingsOf(route.path).length === 0;
}

function notThere(method: string, known: readonly string[]): RegistryError {
  return new RegistryError("UNSUPPORTED", `${method} is not a method of this path`, {
    headers: headerList({ allow: known.join(", ") }),
  });
}

function notAllowed(): RegistryError {
  return new RegistryError(
    "UNSUPPORTED",
    "pushing through this proxy is turned off; ALLOW_PUSH=true on the proxy turns it on",
    { headers: headerList({ allow: "GET, HEAD" }) },
  );
}
