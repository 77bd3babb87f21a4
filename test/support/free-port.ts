/**
 * A port nobody listens on now, for programs that must be told one. None that the system gives to
 * outgoing connections, which would take it before the program does, or while it restarts.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";

/** Below what Linux and Kubernetes give out by themselves, as long as nobody told them otherwise. */
const first = 15_000;
const count = 15_000;

/** Each port is tried once before any is tried again; other processes begin elsewhere. */
let next = Math.floor(Math.random() * count);

export async function freePort(): Promise<number> {
  const isOutgoing = await outgoingPorts();
  for (let tries = 0; tries < count; tries += 1) {
    const port = first + next;
    next = (next + 1) % count;
    if (!isOutgoing(port) && (await tried(port)) !== undefined) return port;
  }
  const port = await tried(0);
  if (port === undefined) throw new Error("no port is free");
  return port;
}

/** Which ports the system may give to outgoing connections. */
async function outgoingPorts(): Promise<(port: number) => boolean> {
  const range = await readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8").catch(() => "");
  const [, low, high] = /^(\d+)\s+(\d+)/.exec(range) ?? [];
  return (port) => port >= Number(low) && port <= Number(high);
}

/** The port, when it can be listened on at every address. */
async function tried(port: number): Promise<number | undefined> {
  const server = createServer().listen(port, "0.0.0.0");
  try {
    await once(server, "listening");
  } catch {
    return undefined;
  }
  const { port: taken } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return taken;
}
