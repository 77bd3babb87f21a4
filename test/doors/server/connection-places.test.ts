/** Real connections: what a crowd takes leaves room for others, and is told of once a minute. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import type { DoorEvent } from "../../../src/doors/door-event.ts";
import { Admission } from "../../../src/doors/server/admission.ts";
import { eventually } from "../../support/eventually.ts";

type Room = {
  /** Whether a connection of this address finds a place, and the client's end of it. */
  readonly come: (address: string) => Promise<{ readonly isIn: boolean; readonly client: Socket }>;
  readonly events: readonly DoorEvent[];
  now: number;
};

async function open(maxConnections: number, maxPerClient: number): Promise<Room> {
  const events: DoorEvent[] = [];
  const room = { now: 0 };
  const admission = new Admission({
    ...{ maxConnections, maxPerClient },
    observe: (event) => events.push(event),
    now: () => room.now,
  });
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
  });
  const come = async (address: string) => {
    const { port } = server.address() as AddressInfo;
    const client = connect(port, "127.0.0.1");
    onTestFinished(() => {
      client.destroy();
    });
    const [socket] = (await once(server, "connection")) as [Socket];
    onTestFinished(() => {
      socket.destroy();
    });
    return { isIn: admission.enter(address, socket.resume()), client };
  };
  return Object.assign(room, { come, events });
}

it("one address that takes all the connections it can leaves the others room", async () => {
  const room = await open(90, 1_000);
  let crowd = 0;
  while ((await room.come("10.0.0.66")).isIn) crowd += 1;
  expect(crowd).toBe(80);
  for (const address of ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
    expect((await room.come(address)).isIn).toBe(true);
  expect((await room.come("10.0.0.66")).isIn).toBe(false);
  expect(room.events).toEqual([
    { kind: "turnedAway", client: "10.0.0.66", limit: "total", most: 90, connections: 1 },
  ]);
});

it("a crowd that is turned away is told of once a minute, with its size", async () => {
  const room = await open(100, 2);
  for (let one = 0; one < 7; one += 1) await room.come("10.0.0.66");
  expect(room.events).toHaveLength(1);
  room.now += 60_000;
  await room.come("10.0.0.66");
  expect(room.events[1]).toEqual({
    ...{ kind: "turnedAway", client: "10.0.0.66", limit: "client" },
    ...{ most: 2, connections: 5 },
  });
});

it("who leaves makes room, and this machine has no limit of its own but counts in all", async () => {
  const room = await open(5, 1);
  const { client } = await room.come("10.0.0.1");
  expect((await room.come("10.0.0.1")).isIn).toBe(false);
  client.destroy();
  await eventually(async () => expect((await room.come("10.0.0.1")).isIn).toBe(true));
  expect((await room.come("127.0.0.1")).isIn).toBe(true);
  expect((await room.come("127.0.0.1")).isIn).toBe(true);
  expect((await room.come("127.0.0.1")).isIn).toBe(true);
  expect((await room.come("127.0.0.1")).isIn).toBe(true);
  expect((await room.come("10.0.0.2")).isIn).toBe(false);
});
