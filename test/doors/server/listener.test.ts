import { once } from "node:events";
import { createServer } from "node:http";
import { PassThrough } from "node:stream";
import { expect, it, onTestFinished } from "vitest";
import {
  drain,
  maxHeaderFields,
  OpenSockets,
  setLimits,
} from "../../../src/doors/server/listener.ts";
import { dial, portOf, readAll, readUntil } from "../open-door.ts";

it("sockets are known while they are open, and can be ended together", async () => {
  const open = new OpenSockets();
  const [first, second] = [new PassThrough(), new PassThrough()];
  for (const socket of [first, second, second]) open.add(socket);
  expect(open.size).toBe(2);
  first.destroy();
  await once(first, "close");
  expect(open.size).toBe(1);
  open.add(first);
  expect(open.size).toBe(1);
  const closed = once(second, "close");
  open.destroyAll();
  await closed;
  expect(open.size).toBe(0);
});

it("Node reads one header field more than allowed, so that too many can be told", () => {
  const server = createServer();
  setLimits(server);
  expect(server.maxHeadersCount).toBe(maxHeaderFields + 1);
});

it.each(["before", "after"])(
  "a head that is not finished in time is cut (limits set %s listening)",
  async (when) => {
    const server = createServer();
    onTestFinished(() => void server.close());
    const setAll = () => {
      setLimits(server);
      server.headersTimeout = 100;
    };
    if (when === "before") setAll();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    if (when === "after") setAll();
    const socket = await dial(portOf(server));
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n");
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 408 /);
  },
);

it("draining a server that never listened, or twice, does no harm", async () => {
  const server = createServer();
  await drain(server, new OpenSockets(), AbortSignal.abort());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await drain(server, new OpenSockets(), AbortSignal.abort());
  await drain(server, new OpenSockets(), AbortSignal.abort());
});

it("draining ends a keep-alive connection after its last answer", async () => {
  const held = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    response.write("begun");
    held.promise.then(
      () => response.end("done"),
      () => undefined,
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = await dial(portOf(server));
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await readUntil(client, "begun");
  const drained = drain(server, new OpenSockets(), AbortSignal.timeout(10_000));
  held.resolve();
  expect(await readUntil(client, "done")).toContain("done");
  await drained;
});

it("draining answers who was let in just before, and had not asked yet", async () => {
  const server = createServer((_request, response) => response.end("answered"));
  setLimits(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const arrived = once(server, "connection");
  const client = await dial(portOf(server));
  await arrived;
  const drained = drain(server, new OpenSockets(), AbortSignal.timeout(10_000));
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  expect(await readUntil(client, "answered")).toContain(" 200 ");
  await drained;
});
