/**
 * Hands a request to its upstream and the answer back, streaming both ways at the pace of the
 * slower side, however long it takes; only a client that stops sending is given up.
 */
import type { Passed } from "../cache/content.ts";
import { endToEnd, type HeaderList } from "../protocol/http/header-list.ts";
import type { RouteKind } from "../protocol/route.ts";
import type { Access, Patience, RegistryClient } from "../upstream/registry-client.ts";
import type { Exchange } from "./exchange.ts";
import { hasBody, readBody } from "./request-body.ts";

/** Some frameworks take these for the method or the path, which have been judged as they are. */
const isForeign = /^x-(?:http-method(?:-override)?|method-override|original-url|rewrite-url)$/;

/** Rejects with UpstreamError when there is no answer. */
export function passThrough(
  exchange: Exchange,
  access: Access,
  client: RegistryClient,
  bodyIdle: number,
): Promise<Passed> {
  const patience = patienceFor(exchange.route.kind);
  return passPatiently(exchange, access, client, { bodyIdle, patience });
}

/** The same, waiting for the registry as long as is said. */
export async function passPatiently(
  exchange: Exchange,
  access: Access,
  client: RegistryClient,
  how: { readonly bodyIdle: number; readonly patience: Patience },
): Promise<Passed> {
  const { ask, method, signal } = exchange;
  const response = await client.send({
    registry: ask.registry,
    method,
    target: ask.target,
    headers: headersToPass(exchange),
    body: hasBody(exchange.headers) ? readBody(exchange, how.bodyIdle) : undefined,
    access,
    redirects: "pass",
    patience: how.patience,
    signal,
  });
  return { kind: "passed", response, outcome: "bypass" };
}

function patienceFor(kind: RouteKind): Patience {
  if (kind === "outside") return "open";
  return kind === "tags" || kind === "referrers" || kind === "catalog" ? "list" : "full";
}

function headersToPass({ headers, route }: Exchange): HeaderList {
  const passed = new Map(endToEnd(headers));
  passed.delete("host");
  passed.delete("authorization");
  // Node has answered it already.
  passed.delete("expect");
  for (const name of passed.keys()) if (isForeign.test(name)) passed.delete(name);
  // Nothing under /v2/ is ever compressed: digests and ranges are over the bytes as they are.
  if (route.kind !== "outside") passed.set("accept-encoding", ["identity"]);
  return passed;
}
