/** A crowd that connects in one moment, while the event loop of the listener stands still. */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

const listening = "0A";
const tick = () => new Promise<void>((done) => process.nextTick(done));

/** So many sockets on 127.0.0.1, and how many of them wait there to be taken, none having been yet. */
export async function crowdAt(
  port: number,
  count: number,
): Promise<{ readonly sockets: readonly Socket[]; readonly waiting: number }> {
  const sockets = Array.from({ length: count }, () => connect(port, "127.0.0.1"));
  for (const socket of sockets) socket.on("error", () => undefined);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await tick(); // each begins to connect then, and the kernel needs no turn of the loop
  return { sockets, waiting: queued(port) };
}

/** As many as the system lets wait. */
export function mostWaiting(): number {
  return Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8"));
}

/** Of a listening socket the kernel counts here who waits to be accepted. */
function queued(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readFileSync(file, "utf8").split("\n")) {
      const [, local = "", , state, queues = ""] = line.trim().split(/\s+/);
      if (state === listening && local.endsWith(`:${hex}`))
        return Number.parseInt(queues.split(":")[1] ?? "", 16);
    }
  }
  return Number.NaN;
}
