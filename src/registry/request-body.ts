/** What a client sends with its request: read at the pace of whoever takes it. */
import type { HeaderList } from "../protocol/http/header-list.ts";
import type { Exchange } from "./exchange.ts";

export function hasBody(headers: HeaderList): boolean {
  return headers.has("transfer-encoding") || Number(headers.get("content-length")?.[0] ?? 0) > 0;
}

/**
 * The request's body. Leaving it early does not end the connection, since an upstream may answer
 * before it has read everything; waiting for the client is timed, waiting for the upstream is not.
 */
export async function* readBody(
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
