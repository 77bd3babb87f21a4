/** Real connections: what a crowd takes leaves room for others, and is told of once a minute. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import type { DoorEvent } from "../../../src/doors/door-event.ts";
import { Admission } from "../../../src/doors/server/admission.ts";
import { eventually } from "../../support/eventually.ts";

type Visit = { readonly isIn: boolean; readonly client: Socket };

type Room = {
  /** Whether a connection of this address finds a place, and the client's end of it; somebody is answered on it. */
  readonly come: (address: string) => Promise<Visit>;
  /** The same for one on which nothing is asked. */
  readonly rest: (address: string) => Promise<Visit>;
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
  const visit = async (address: string, isBusy: boolean) => {
    const { port } = server.address() as AddressInfo;
    const client = connect(port, "127.0.0.1");
    onTestFinished(() => {
      client.destroy();
    });
    const [socket] = (await once(server, "connection")) as [Socket];
    onTestFinished(() => {
      socket.destroy();
    });
    const isIn = admission.enter(address, socket.resume());
    if (isBusy) admission.occupy(socket);
    return { isIn, client: client.resume() };
  };
  const come = (address: string) => visit(address, true);
  const rest = (address: string) => visit(address, false);
  return Object.assign(room, { come, rest, events });
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

it("a few addresses that hold every connection and ask nothing keep nobody out", async () => {
  const room = await open(90, 1_000);
  const held: Visit[] = [];
  for (const address of ["10.0.0.66", "10.0.0.67", "10.0.0.68"])
    while (held.length < 90) {
      const visit = await room.come(address);
      if (!visit.isIn) break;
      visit.client.destroy();
      const idle = await room.rest(address);
      expect(idle.isIn).toBe(true);
      held.push(idle);
    }
  expect(held).toHaveLength(90);
  for (let one = 1; one <= 20; one += 1) expect((await room.come(`10.0.1.${one}`)).isIn).toBe(true);
  await eventually(() => expect(held.filter(({ client }) => client.closed)).toHaveLength(20));
  expect(held.slice(0, 20).every(({ client }) => client.closed)).toBe(true);
  expect(room.events.at(-1)).toMatchObject({ kind: "idleEnded", limit: "total", most: 90 });
});

it("who has too many gives up his own idle ones before anybody's, the one idle longest first", async () => {
  const room = await open(100, 3);
  const other = await room.rest("10.0.0.1");
  const [first, second] = [await room.rest("10.0.0.66"), await room.rest("10.0.0.66")];
  const busy = await room.come("10.0.0.66");
  const more = await room.come("10.0.0.66");
  expect(more.isIn).toBe(true);
  await eventually(() => expect(first.client.closed).toBe(true));
  expect((await room.come("10.0.0.66")).isIn).toBe(true);
  await eventually(() => expect(second.client.closed).toBe(true));
  expect((await room.come("10.0.0.66")).isIn).toBe(false);
  expect([other, busy, more].map(({ client }) => client.closed)).toEqual([false, false, false]);
});

it("who has many connections takes no place from those who have fewer", async () => {
  const room = await open(9, 1_000);
  for (let one = 0; one < 8; one += 1) expect((await room.come("10.0.0.66")).isIn).toBe(true);
  const modest = await room.rest("10.0.0.1");
  expect((await room.come("10.0.0.66")).isIn).toBe(false);
  expect(modest.client.closed).toBe(false);
});

it("many addresses with two idle connections each do not keep out who has nine that are busy", async () => {
  const room = await open(90, 1_000);
  for (let one = 0; one < 9; one += 1) expect((await room.come("10.0.0.1")).isIn).toBe(true);
  const held: Visit[] = [];
  for (let one = 0; one < 81; one += 1) {
    const visit = await room.rest(`10.0.1.${one % 41}`);
    expect(visit.isIn).toBe(true);
    held.push(visit);
  }
  // Those that have just been used may be used again in this moment.
  expect((await room.come("10.0.0.1")).isIn).toBe(false);
  room.now += 1_000;
  for (let one = 0; one < 20; one += 1) expect((await room.come("10.0.0.1")).isIn).toBe(true);
  await eventually(() => expect(held.filter(({ client }) => client.closed)).toHaveLength(20));
});
