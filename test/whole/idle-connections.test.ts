/** Connections that somebody opens and leaves alone keep nobody else out, at any listener. */
import type { Socket } from "node:net";
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { stallAt } from "../support/fake-registry/fault.ts";
import { converse, dial } from "./support/client.ts";
import { addImage } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";

const readiness = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

async function idleAt(port: number, length: number): Promise<readonly Socket[]> {
  const sockets = await Promise.all(Array.from({ length }, () => dial(port)));
  for (const socket of sockets) socket.resume();
  return sockets;
}

async function isOpenAfter(program: Program): Promise<void> {
  const answer = await converse(await dial(program.adminPort), readiness);
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
}

it("256 idle connections do not close the back office, nor its open streams", async () => {
  const program = await (await Scene.open()).start();
  const stream = await dial(program.adminPort);
  stream.resume().write("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await eventually(() => expect(stream.bytesRead).toBeGreaterThan(0));
  const idle = await idleAt(program.adminPort, 300);
  await isOpenAfter(program);
  await eventually(() =>
    expect(idle.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(45),
  );
  expect(idle[0]?.closed).toBe(true);
  expect(idle.at(-1)?.closed).toBe(false);
  expect(stream.closed).toBe(false);
});

it("4,000 requests at once on one connection of the back office cut it off, and nobody else", async () => {
  const program = await (await Scene.open()).start();
  const flood = await dial(program.adminPort);
  flood.pause().write("GET /assets/uplot.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(4_000));
  await isOpenAfter(program);
  flood.resume();
  await eventually(() => expect(flood.closed).toBe(true));
  expect(flood.bytesRead).toBeLessThan(200_000);
});

it("a client whose connections are all idle, in a tunnel or out of it, opens one more and is answered", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  const image = addImage(server, "team/app");
  const program = await scene.start({
    ...{ REGISTRIES: name, TRUSTED_PROXIES: "127.0.0.0/8" },
    MAX_CONNECTIONS_PER_CLIENT: "4",
  });
  const enter = async (bytes: string): Promise<Socket> => {
    const socket = await dial(program.port);
    socket.resume().write(`PROXY TCP4 10.1.2.3 10.1.0.1 50000 3128\r\n${bytes}`);
    return socket;
  };
  server.misbehave({ path: /\/blobs\// }, stallAt(100_000));
  const path = `/v2/${name}/team/app/blobs/${image.layer}`;
  const busy = await enter(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await eventually(() => expect(busy.bytesRead).toBeGreaterThan(0));
  const kept = await enter("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  await eventually(() => expect(kept.bytesRead).toBeGreaterThan(0));
  const tunnelled = await enter(
    `CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\nUser-Agent: Go-http-client/1.1\r\n\r\n`,
  );
  await eventually(() => expect(tunnelled.bytesRead).toBeGreaterThan(0));
  const silent = await enter("");
  await eventually(() => expect(server.requests.length).toBeGreaterThan(0));
  for (const [ended, stays] of [
    [kept, tunnelled],
    [tunnelled, silent],
    [silent, busy],
  ] as const) {
    const next = await enter("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await eventually(() => expect(next.bytesRead).toBeGreaterThan(0));
    await eventually(() => expect(ended.closed).toBe(true));
    expect([stays.closed, busy.closed]).toEqual([false, false]);
  }
  const isTold = (line: string): boolean => line.includes("ended idle connections for new ones");
  await eventually(() => expect(program.lines.some(isTold)).toBe(true));
});
