import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { DoorError } from "../../../src/doors/door-error.ts";
import { FrontDoor, type FrontDoorOptions } from "../../../src/doors/proxy/front-door.ts";
import { writeUnusedCa } from "../../../src/doors/proxy/unused-ca.ts";
import { Admission } from "../../../src/doors/server/admission.ts";
import { eventually } from "../../support/eventually.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { crowdAt, mostWaiting } from "../a-crowd-connects.ts";
import {
  connectThrough,
  dial,
  openDoor,
  portOf,
  readAll,
  readUntil,
  secure,
  talk,
} from "../open-door.ts";

const upgrade = (target: string, host: string) =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;

describe("the open door", () => {
  it("relays no WebSocket, whoever is asked for", async () => {
    let connections = 0;
    const inner = createServer().on("connection", () => {
      connections += 1;
    });
    inner.listen(0, "127.0.0.1");
    onTestFinished(() => void inner.close());
    await once(inner, "listening");
    const host = `127.0.0.1:${portOf(inner)}`;
    const { port, authority } = await openDoor();
    expect(await talk(port, upgrade("/", host))).toMatch(/^HTTP\/1.1 501 /);
    expect(await talk(port, upgrade(`http://${host}/`, host))).toMatch(/^HTTP\/1.1 501 /);
    const { socket } = await connectThrough(port, "registry.test:443");
    const tls = await secure(socket, "registry.test", {
      ca: authority.root,
      servername: "registry.test",
    });
    tls.write(upgrade("/", "registry.test"));
    expect(await readAll(tls)).toMatch(/^HTTP\/1.1 501 /);
    expect(connections).toBe(0);
  });

  it("leaves nothing of the library's CA behind, nor of one whose start was killed", async () => {
    const options = await doorOptions();
    await writeUnusedCa(join(options.scratchFolder, "front-door-unused"));
    const door = await FrontDoor.open(options);
    onTestFinished(() => door.stop(AbortSignal.abort()));
    expect(await readdir(options.scratchFolder)).toEqual([]);
  });

  it("prints nothing while it opens, serves and closes", async () => {
    const printed = (["log", "info", "debug", "warn", "error"] as const).map((name) =>
      vi.spyOn(console, name),
    );
    const door = await FrontDoor.open(await doorOptions());
    await talk(door.address.port, "GET / HTTP/1.0\r\n\r\n");
    await door.stop(AbortSignal.abort());
    for (const spy of printed) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  it("on :: takes IPv6 and IPv4, whose clients look like themselves", async () => {
    const { port, seen } = await openDoor({ host: "::" });
    for (const host of ["127.0.0.1", "::1"]) {
      const socket = await dial(port, host);
      socket.write("GET /v2/ HTTP/1.0\r\n\r\n");
      await readAll(socket);
    }
    expect(seen).toMatchObject([{ ask: { client: "127.0.0.1" } }, { ask: { client: "::1" } }]);
  });

  it("has room for a thousand clients that connect in one moment: none has to try again", async () => {
    const { port } = await openDoor();
    const { sockets, waiting } = await crowdAt(port, 1_000);
    expect(waiting).toBeGreaterThanOrEqual(Math.min(1_000, mostWaiting()));
    for (const socket of sockets) socket.write("GET / HTTP/1.0\r\n\r\n");
    expect((await Promise.all(sockets.map(readAll))).every((text) => text.includes("200 OK"))).toBe(
      true,
    );
  });

  it("has Node's limits set on purpose", async () => {
    const { server } = (await openDoor()).door;
    expect(server.headersTimeout).toBe(10_000);
    expect(server.requestTimeout).toBe(0);
    expect(server.keepAliveTimeout).toBe(60_000);
    expect(server.timeout).toBe(0);
    expect(server.listenerCount("upgrade")).toBe(0);
  });

  it("turns away the connections of a client that has too many", async () => {
    const admission = new Admission({ maxPerClient: 1 });
    // Loopback is exempt, so this client is made to look like another.
    vi.spyOn(admission, "enter").mockReturnValueOnce(true).mockReturnValue(false);
    const door = await FrontDoor.open({ ...(await doorOptions()), admission });
    onTestFinished(() => door.stop(AbortSignal.abort()));
    const first = await dial(door.address.port);
    expect(await talk(door.address.port, "")).toMatch(/^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n/);
    first.write("GET / HTTP/1.0\r\n\r\n");
    expect(await readAll(first)).toMatch(/^HTTP\/1.1 200 /);
  });
});

describe("a door that cannot be opened", () => {
  it("says which port is in use", async () => {
    const { port } = await openDoor();
    const opened = FrontDoor.open({ ...(await doorOptions()), port });
    await expect(opened).rejects.toThrow(DoorError);
    await expect(opened).rejects.toThrow(`127.0.0.1 port ${port} is in use`);
  });

  it("says that the address is not this machine's", async () => {
    const opened = FrontDoor.open({ ...(await doorOptions()), host: "203.0.113.1" });
    await expect(opened).rejects.toThrow("203.0.113.1 is no address of this machine; set HOST");
  });
});

describe("stopping", () => {
  it("lets running requests and tunnels finish, and takes no new ones", async () => {
    const held = Promise.withResolvers<void>();
    const options = await doorOptions();
    const door = await FrontDoor.open({
      ...options,
      onRequest: (_request, response) => {
        response.write("begun ");
        held.promise.then(
          () => response.end("done"),
          () => undefined,
        );
      },
    });
    const running = await dial(door.address.port);
    running.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await readUntil(running, "begun");
    const idle = await dial(door.address.port);
    const { port } = door.address;
    const stopped = door.stop(AbortSignal.timeout(10_000));
    await once(idle, "close");
    const late = connect({ port, host: "127.0.0.1" });
    await expect(once(late, "connect")).rejects.toThrow(/ECONNREFUSED/);
    held.resolve();
    expect(await readUntil(running, "done")).toContain("done");
    await stopped;
  });

  it("cuts what is left at the deadline", async () => {
    const { port, door } = await openDoor({ engine: () => new Promise(() => undefined) });
    const { socket } = await connectThrough(port, "registry.test:443");
    const request = await dial(port);
    request.write("GET http://plain.test:5000/v2/ HTTP/1.1\r\nHost: a\r\n\r\n");
    await eventually(() => expect(door.open.size).toBe(1));
    await door.stop(AbortSignal.timeout(50));
    await eventually(() => expect(socket.destroyed && request.destroyed).toBe(true));
  });
});

async function doorOptions(): Promise<FrontDoorOptions> {
  return {
    host: "127.0.0.1",
    port: 0,
    scratchFolder: await temporaryFolder(),
    admission: new Admission(),
    onRequest: (_request, response) => void response.end("hello"),
    onConnect: async ({ socket }) => void socket.destroy(),
    onHeadTooLong: (connection) => void connection.destroy(),
    onError: () => undefined,
  };
}
