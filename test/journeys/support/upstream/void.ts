/**
 * Addresses where connections are never made and nothing is refused either: listeners that nobody
 * accepts from, whose queue is full, so that the system drops every further SYN (tcp(7), listen(2)).
 */
import { connect, type Socket } from "node:net";
import { Service } from "../program.ts";

const port = 443;
const soon = 250;

/** A process of its own, since Node accepts whenever its event loop turns: this one's stands still. */
const standStill = `
  const { createServer } = require("node:net");
  const [, ...hosts] = process.argv;
  let left = hosts.length;
  for (const host of hosts) {
    createServer().listen({ host, port: ${port}, backlog: 1 }, () => {
      if (--left > 0) return;
      require("node:fs").writeSync(1, "listening\\n");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });
  }
`;

/** Gives what ends it. */
export async function openVoid(addresses: readonly string[]): Promise<() => Promise<void>> {
  const listener = new Service(process.execPath, ["--eval", standStill, ...addresses]);
  const sockets: Socket[] = [];
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await listener.kill();
  };
  try {
    await listener.ready(async () => listener.output === "listening");
    await Promise.all(addresses.map((address) => fill(address, sockets)));
    return close;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Connects until that takes too long. */
async function fill(address: string, sockets: Socket[]): Promise<void> {
  for (let count = 0; count < 16; count++) {
    const socket = connect(port, address);
    sockets.push(socket);
    if (!(await isConnectedSoon(socket))) return;
  }
  throw new Error(`${address} accepts whatever comes`);
}

function isConnectedSoon(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), soon);
    socket.on("error", () => undefined);
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
