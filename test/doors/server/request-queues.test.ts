import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { RequestQueues } from "../../../src/doors/server/request-queues.ts";
import { eventually } from "../../support/eventually.ts";

/** Requests of so many connections, from these addresses, each read and none handled yet. */
async function asked(addresses: readonly string[]) {
  const requests: [IncomingMessage, ServerResponse][] = [];
  const server = createServer((...request) => requests.push(request));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  for (const localAddress of addresses) {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    socket.on("error", () => undefined).write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    sockets.push(socket);
    await eventually(() => expect(requests).toHaveLength(sockets.length));
  }
  return { requests };
}

function queuesOf(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  onCrowd: () => void = () => undefined,
) {
  const clientOf = ({ remoteAddress }: Socket): string => remoteAddress ?? "gone";
  return new RequestQueues({
    reception: { receive: handle, clientOf },
    onCrowd,
    onFlood: () => undefined,
  });
}

describe("a crowd that asks in the same moment", () => {
  it("is begun with sixteen at a time, and others do not wait for all of it", async () => {
    const crowd = Array.from({ length: 40 }, () => "127.0.0.1");
    const { requests } = await asked([...crowd, "127.0.0.2"]);
    const begun: (string | undefined)[] = [];
    const queues = queuesOf(({ socket }) => begun.push(socket.remoteAddress));
    for (const [request, response] of requests) queues.receive(request, response);
    const counts = [begun.length];
    for (let turn = 0; turn < 3; turn += 1) {
      await nextTurn();
      counts.push(begun.length);
    }
    expect(counts).toEqual([16, 32, 41, 41]);
    expect(begun.indexOf("127.0.0.2")).toBeLessThan(18);
  });

  it("is said to be there in each turn in which some of it wait", async () => {
    const { requests } = await asked(Array.from({ length: 40 }, () => "127.0.0.1"));
    let told = 0;
    const queues = queuesOf(
      () => undefined,
      () => {
        told += 1;
      },
    );
    const turns: boolean[] = [];
    const look = (): void => {
      turns.push(told > 0);
      told = 0;
    };
    for (const [request, response] of requests) queues.receive(request, response);
    for (let turn = 0; turn < 3; turn += 1) {
      await nextTurn();
      look();
    }
    expect(turns).toEqual([true, true, false]);
  });

  it("costs nothing for those who leave before it is their turn", async () => {
    const { requests } = await asked(Array.from({ length: 20 }, () => "127.0.0.1"));
    let begun = 0;
    const queues = queuesOf(() => {
      begun += 1;
    });
    for (const [request, response] of requests) queues.receive(request, response);
    for (const [request] of requests.slice(16)) request.socket.destroy();
    await nextTurn();
    await nextTurn();
    expect(begun).toBe(16);
  });
});
