/**
 * Hands a request to its upstream and the answer back, streaming both ways at the pace of the
 * slower side, however long it takes; only a client that stops sending is given up.
 */
import type { Passed } from "../cache/content.ts";
import type { HeaderList } from "../protocol/http/header-list.ts";
import { endToEnd } from "../protocol/http/hop-by-hop.ts";
import type { Access, RegistryClient } from "../upstream/registry-client.ts";
import type { Exchange } from "./exchange.ts";

/** Rejects with UpstreamError when there is no answer. */
export async function passThrough(
  exchange: Exchange,
  access: Access,
  client: RegistryClient,
  bodyIdle: number,
): Promise<Passed> {
  const { ask, method, signal } = exchange;
  const response = await client.send({
    registry: ask.registry,
    method,
    target: ask.target,
    headers: headersToPass(exchange),
    body: hasBody(exchange.headers) ? receive(exchange, bodyIdle) : undefined,
    access,
    redirects: "pass",
    patience: "full",
    signal,
  });
  return { kind: "passed", response, outcome: "bypass" };
}

function headersToPass({ headers, route }: Exchange): HeaderList {
  const passed = new Map(endToEnd(headers));
  passed.delete("host");
  passed.delete("authorization");
  // Node has answered it already.
  passed.delete("expect");
  // Nothing under /v2/ is ever compressed: digests and ranges are over the bytes as they are.
  if (route.kind !== "outside") passed.set("accept-encoding", ["identity"]);
  return passed;
}

function hasBody(headers: HeaderList): boolean {
  return headers.has("transfer-encoding") || Number(headers.get("content-length")?.[0] ?? 0) > 0;
}

/**
 * The request's body. Leaving it early does not end the connection, since an upstream may answer
 * before it has read everything; waiting for the client is timed, waiting for the upstream is not.
 */
async function* receive(
  { request, response, tally }: Exchange,
  bodyIdle: number,
): AsyncGenerator<Uint8Array> {
  let isWaiting = true;
  const timer = setTimeout(() => {
    if (isWaiting) request.destroy(new Error("the client stopped sending"));
  }, bodyIdle);
  // Whoever reads this may forget it halfway; the connection then serves the next request.
  response.once("close", () => clearTimeout(timer));
  try {
    const chunks: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
    for await (const chunk of chunks) {
      tally.received += chunk.length;
      isWaiting = false;
      yield chunk;
      isWaiting = true;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
  }
}
