import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createSecureContext } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import type { DoorEvent } from "../../../src/doors/door-event.ts";
import { Interceptor } from "../../../src/doors/proxy/intercept.ts";
import { OpenSockets } from "../../../src/doors/server/listener.ts";
import { canonicalRegistry } from "../../../src/protocol/registry-name.ts";
import { makeCertificate } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { dial, portOf, readUntil, secure } from "../open-door.ts";

const certificate = makeCertificate(["registry.test"]);
const head = Buffer.alloc(0);

describe("an interceptor", () => {
  it("answers 200, ends TLS and knows what the connection is inside of", async () => {
    const { client, adopted, interceptor, events } = await intercept("registry");
    await readUntil(client, "\r\n\r\n");
    const tls = await secure(client, "registry.test", {
      ca: certificate.ca,
      servername: "registry.test",
    });
    const socket = await adopted;
    expect(interceptor.insideOf(socket)).toMatchObject({
      address: { host: "registry.test", port: 443 },
      registry: { name: "registry.test" },
      client: "10.0.0.9",
      isTls: true,
    });
    expect(interceptor.insideOf(socket)?.sni()).toBe("registry.test");
    tls.write("hello");
    expect(await readUntil(socket, "hello")).toBe("hello");
    expect(events).toEqual([]);
  });

  it("takes plain HTTP for one of our own names, byte for byte", async () => {
    const { client, adopted, interceptor } = await intercept("own");
    await readUntil(client, "\r\n\r\n");
    client.write("GET /ca.crt HTTP/1.1\r\n");
    const socket = await adopted;
    expect(interceptor.insideOf(socket)).toMatchObject({ registry: undefined, isTls: false });
    expect(await readUntil(socket, "\r\n")).toBe("GET /ca.crt HTTP/1.1\r\n");
  });

  it("takes no plain HTTP for a registry", async () => {
    const { client, events } = await intercept("registry");
    await readUntil(client, "\r\n\r\n");
    client.write("GET /v2/ HTTP/1.1\r\n\r\n");
    client.resume();
    await once(client, "close");
    expect(events).toMatchObject([
      { kind: "handshakeFailed", client: "10.0.0.9", host: "registry.test" },
    ]);
  });

  it.each(["registry", "own"] as const)(
    "waits only so long for the first word to %s",
    async (to) => {
      const { client, events, open } = await intercept(to, 30);
      await readUntil(client, "\r\n\r\n");
      client.resume();
      await once(client, "close");
      expect(events).toMatchObject([{ reason: "no TLS handshake in time" }]);
      await eventually(() => expect(open.size).toBe(0));
    },
  );

  it.each(["registry", "own"] as const)(
    "lets go at once of a client that hangs up on %s before the handshake is done",
    async (to) => {
      for (const said of ["", "\x16", "\x16\x03\x01\x02\x00\x01\x00"]) {
        const { client, events, open } = await intercept(to, 600_000);
        await readUntil(client, "\r\n\r\n");
        client.end(Buffer.from(said, "latin1"));
        client.resume();
        await once(client, "close");
        await eventually(() => expect([said, open.size]).toEqual([said, 0]));
        if (said !== "") expect(events).toMatchObject([{ reason: "the client hung up" }]);
      }
    },
  );
});

it("a host that cannot be certified is refused before the 200", async () => {
  const interceptor = new Interceptor({
    leaves: {
      contextFor: () => {
        throw new TypeError("no such leaf");
      },
    },
    open: new OpenSockets(),
    observe: () => undefined,
  });
  const { near } = await wire();
  const its = { address: { host: "a", port: 443 }, registry: undefined, client: "" };
  const adopt = () => undefined;
  expect(() => interceptor.intercept(near, head, { ...its, adopt })).toThrow("no such leaf");
  expect(near.bytesWritten).toBe(0);
});

/** A client whose CONNECT has just been let through. */
async function intercept(to: "registry" | "own", handshakeTimeout?: number) {
  const events: DoorEvent[] = [];
  const open = new OpenSockets();
  const context = createSecureContext(certificate);
  const interceptor = new Interceptor({
    leaves: { contextFor: () => context },
    open,
    observe: (event) => void events.push(event),
    handshakeTimeout,
  });
  const { near, client } = await wire();
  const adopted = Promise.withResolvers<Socket>();
  const name = canonicalRegistry("registry.test");
  interceptor.intercept(near, head, {
    address: { host: "registry.test", port: 443 },
    registry: to === "own" || name === undefined ? undefined : { name, scheme: "https" },
    client: "10.0.0.9",
    adopt: (socket) => adopted.resolve(socket),
  });
  return { client, events, open, interceptor, adopted: adopted.promise };
}

async function wire(): Promise<{ near: Socket; client: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const client = await dial(portOf(server));
  const [near] = (await accepted) as [Socket];
  near.on("error", () => near.destroy());
  onTestFinished(() => {
    near.destroy();
    server.close();
  });
  return { near, client };
}
