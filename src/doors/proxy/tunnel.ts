/** A CONNECT passed through untouched: bytes both ways until both sides are done or either breaks. */
import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import type { HostPort } from "../../protocol/http/host-port.ts";
import type { OpenSockets } from "../server/listener.ts";

/** What a tunnel asks of the network (upstream/net/dial.ts). */
export interface TunnelDialer {
  /** A connection to the address, within the destination rules. Throws UpstreamError. */
  dial(address: HostPort, options: { readonly signal: AbortSignal }): Promise<Socket>;
}

export type TunnelTraffic = { readonly sent: number; readonly received: number };

/**
 * Joins the two; resolves when it is over, however it ended, or when no byte came either way for `idle`
 * milliseconds. Both are destroyed then.
 */
export async function joinSockets(
  client: Socket,
  upstream: Socket,
  open: OpenSockets,
  idle?: number,
): Promise<TunnelTraffic> {
  const already = { client: client.bytesRead, upstream: upstream.bytesRead };
  for (const socket of [client, upstream]) {
    open.add(socket);
    socket.setNoDelay(true);
    // Both directions listen to its end, beside the server and whoever counts connections.
    socket.setMaxListeners(20);
    // A peer that vanished without a word is found by the system, not by an idle limit.
    socket.setKeepAlive(true, 60_000);
  }
  // Whatever is read from one is written to the other.
  if (idle !== undefined) upstream.setTimeout(idle, () => upstream.destroy());
  await Promise.allSettled([flow(client, upstream), flow(upstream, client)]);
  client.destroy();
  upstream.destroy();
  return {
    sent: client.bytesRead - already.client,
    received: upstream.bytesRead - already.upstream,
  };
}

/** One direction; its end closes only that half, its failure both sockets. */
async function flow(from: Socket, to: Socket): Promise<void> {
  try {
    await pipeline(from, to);
  } catch (error) {
    from.destroy();
    to.destroy();
    throw error;
  }
}
