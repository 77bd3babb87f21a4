/** Method and route to handler. What is not in the table is refused; writing obeys ALLOW_PUSH. */
import { headerList } from "../protocol/http/header-list.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import type { Route, RouteKind } from "../protocol/route.ts";
import type { Handler } from "./exchange.ts";

export type Handlers = {
  readonly ping: Handler;
  readonly pullBlob: Handler;
  readonly pullManifest: Handler;
  readonly pullList: Handler;
  readonly pushUpload: Handler;
  readonly pushManifest: Handler;
  readonly passOutside: Handler;
};

type Entry = { readonly handler: keyof Handlers; readonly isWriting?: true };
type Methods = ReadonlyMap<string, Entry>;

const upload: Entry = { handler: "pushUpload", isWriting: true };
const pushed: Entry = { handler: "pushManifest", isWriting: true };

const table: Readonly<Record<Exclude<RouteKind, "invalid" | "outside">, Methods>> = {
  ping: reading("ping"),
  catalog: reading("pullList"),
  tags: reading("pullList"),
  referrers: reading("pullList"),
  blob: new Map([...reading("pullBlob"), ["DELETE", upload]]),
  manifest: new Map([...reading("pullManifest"), ["PUT", pushed], ["DELETE", pushed]]),
  "upload-start": new Map([["POST", upload]]),
  // The state of an upload is asked for by whoever is pushing it.
  upload: new Map(["GET", "HEAD", "PATCH", "PUT", "POST", "DELETE"].map((name) => [name, upload])),
  other: new Map([
    ...reading("pullList"),
    ...["PATCH", "PUT", "POST", "DELETE"].map((name): [string, Entry] => [name, upload]),
  ]),
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
  if (route.kind === "outside") return handlers.passOutside;
  const methods = table[route.kind];
  const entry = methods.get(method);
  if (entry === undefined) throw notThere(method, [...methods.keys()]);
  if (entry.isWriting === true && !isPushAllowed) throw notAllowed();
  return handlers[entry.handler];
}

function reading(handler: keyof Handlers): Methods {
  return new Map([
    ["GET", { handler }],
    ["HEAD", { handler }],
  ]);
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
