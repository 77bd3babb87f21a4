/** Ports that nobody may reach: every connection to one is noted with the address it came in on. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { onTestFinished } from "vitest";

export type CountingListener = { readonly port: number; readonly reached: readonly string[] };

/** On every address of this machine. Closed with the test, or by `close`. */
export async function countingListener(): Promise<CountingListener & { close: () => void }> {
  const reached: string[] = [];
  const server = createServer((socket) => {
    reached.push(`${socket.localAddress}`);
    socket.on("error", () => undefined);
    socket.end("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nCANARY-inside");
  });
  server.listen(0, "::");
  await once(server, "listening");
  const close = (): void => void server.close();
  try {
    onTestFinished(close);
  } catch {
    // Vitest throws when no test is running, as in beforeAll: the caller closes it then.
  }
  return { port: (server.address() as AddressInfo).port, reached, close };
}
