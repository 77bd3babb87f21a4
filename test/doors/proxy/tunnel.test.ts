import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { joinSockets } from "../../../src/doors/proxy/tunnel.ts";
import { OpenSockets } from "../../../src/doors/server/listener.ts";
import { eventually } from "../../support/eventually.ts";
import { dial, portOf, readAll } from "../open-door.ts";

it("a tunnel carries bytes both ways, also after one side has said all", async () => {
  const { client, upstream, over } = await tunnel();
  client.end("question");
  upstream.on("end", () => upstream.end("answer"));
  upstream.resume();
  expect(await readAll(client)).toBe("answer");
  expect(await over).toEqual({ sent: 8, received: 6 });
});

it("a reader that stops makes the writer stop: nothing piles up in between", async () => {
  const { client, upstream, near, open } = await tunnel();
  upstream.write(Buffer.alloc(64 << 20));
  await eventually(() => expect(near.writableNeedDrain).toBe(true));
  expect(near.writableLength).toBeLessThan(1 << 20);
  client.destroy();
  await eventually(() => expect(upstream.destroyed).toBe(true));
  expect(open.size).toBe(0);
});

it.each(["client", "upstream"] as const)("a reset by the %s ends both sides", async (side) => {
  const ends = await tunnel();
  const other = side === "client" ? ends.upstream : ends.client;
  other.resume().on("end", () => other.end());
  ends[side].resetAndDestroy();
  await once(other, "close");
  await ends.over;
  expect(ends.open.size).toBe(0);
});

it("that is to end when nobody says anything ends then, and not before", async () => {
  const ends = await tunnel(300);
  const words = setInterval(() => ends.upstream.write("x"), 50);
  ends.client.resume();
  const began = performance.now();
  await eventually(() => expect(performance.now() - began).toBeGreaterThan(600));
  expect(ends.client.destroyed).toBe(false);
  clearInterval(words);
  await ends.over;
  await eventually(() => expect(ends.open.size).toBe(0));
});

/** A client and an upstream with a tunnel between them. */
async function tunnel(idle?: number) {
  const open = new OpenSockets();
  const [client, near] = await wire();
  const [far, upstream] = await wire();
  return { client, upstream, near, open, over: joinSockets(near, far, open, idle) };
}

async function wire(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const near = await dial(portOf(server));
  const [far] = (await accepted) as [Socket];
  far.on("error", () => far.destroy());
  onTestFinished(() => {
    far.destroy();
    server.close();
  });
  return [near, far];
}
