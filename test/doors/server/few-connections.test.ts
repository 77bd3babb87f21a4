/** Real connections to a listener for three. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { keepFew } from "../../../src/doors/server/few-connections.ts";
import { eventually } from "../../support/eventually.ts";
import { dial, portOf } from "../open-door.ts";

async function open() {
  const answers: ServerResponse[] = [];
  const server = createServer(({ url }, response) => {
    if (url === "/now") response.end("now");
    else if (url === "/much") response.write(Buffer.alloc(64 * 1024 * 1024));
    else response.write("begun");
    answers.push(response);
  });
  keepFew(server, 3);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const come = async (path?: string): Promise<Socket> => {
    const socket = await dial(portOf(server));
    socket.on("error", () => undefined);
    if (path === undefined) return socket.resume();
    const before = answers.length;
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    if (path !== "/much") socket.resume();
    await eventually(() => expect(answers.length).toBeGreaterThan(before));
    return socket;
  };
  return { come, answers };
}

it("the one that is idle longest ends, asked on or not, and none that is being answered", async () => {
  const { come } = await open();
  const asked = await come("/now");
  await eventually(() => expect(asked.bytesRead).toBeGreaterThan(0));
  const silent = await come();
  const stream = await come("/stream");
  const fourth = await come("/now");
  await eventually(() => expect(asked.closed).toBe(true));
  const fifth = await come("/stream");
  await eventually(() => expect(silent.closed).toBe(true));
  expect([stream, fourth, fifth].map(({ closed }) => closed)).toEqual([false, false, false]);
});

it("where all are being answered it is the one that reads nothing of it", async () => {
  const { come } = await open();
  const [first, deaf, third] = [await come("/stream"), await come("/much"), await come("/stream")];
  await come("/now");
  deaf.resume();
  await eventually(() => expect(deaf.closed).toBe(true));
  expect([first.closed, third.closed]).toEqual([false, false]);
});

it("and where all of them read, the one that is being answered longest", async () => {
  const { come } = await open();
  const [first, second, third] = [
    await come("/stream"),
    await come("/stream"),
    await come("/stream"),
  ];
  await come("/now");
  await eventually(() => expect(first.closed).toBe(true));
  expect([second.closed, third.closed]).toEqual([false, false]);
});
