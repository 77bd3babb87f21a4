/** An address that never answers a connection: a listener that accepts nothing and whose queue is full. */
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";
import type { HostPort } from "../../src/protocol/http/host-port.ts";

// Its thread sleeps, so the kernel fills the queue (backlog 1, so 2) and then drops each SYN.
const sleeper = `
  const { parentPort, workerData } = require("node:worker_threads");
  const server = require("node:net").createServer();
  server.listen({ ...workerData, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

export async function blackHole(host = "127.0.0.1", port = 0): Promise<HostPort> {
  const worker = new Worker(sleeper, { eval: true, workerData: { host, port } });
  const listening = Promise.withResolvers<number>();
  worker.once("message", listening.resolve);
  worker.once("error", listening.reject);
  const address = { host, port: await listening.promise };
  const fillers: Socket[] = [];
  onTestFinished(async () => {
    for (const filler of fillers) filler.destroy();
    await worker.terminate();
  });
  while (await isAnswered(address, fillers));
  return address;
}

/** Whether one more connection is made within a moment; it stays open to keep the queue full. */
function isAnswered(address: HostPort, fillers: Socket[]): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ ...address, autoSelectFamily: false });
  fillers.push(socket);
  socket.on("error", () => undefined);
  socket.once("connect", () => resolve(true));
  // What came while nobody could look is looked at first.
  setTimeout(() => setImmediate(() => resolve(false)), 250);
  return promise;
}
