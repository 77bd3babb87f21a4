import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { registryNameOf } from "../../../src/protocol/registry-name.ts";
import { Probe } from "../../../src/upstream/net/probe.ts";
import { SpareConnections } from "../../../src/upstream/net/spare-connections.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";
import { buildRig, listening, outgoing, readAll } from "../rig.ts";

const authority = makeAuthority();
const leaf = authority.issue(["127.0.0.1"]);

async function scene() {
  const connections: Socket[] = [];
  const server = createTlsServer(leaf, (request, response) => response.end(request.url));
  server.on("secureConnection", (socket: Socket) => connections.push(socket));
  const address = await listening(server);
  const host = `${address.host}:${address.port}`;
  const rig = buildRig({ authorities: [authority.ca], named: [host] });
  const probe = new Probe({ ...rig, now: () => 0 });
  const get = async (changes: Parameters<typeof outgoing>[1] = {}): Promise<string> => {
    const asked = outgoing(address, { scheme: "https", target: "/v2/", ...changes });
    const { body } = await rig.transport.send(asked);
    return String(await readAll(body));
  };
  const spare = async (): Promise<TLSSocket> => {
    const signal = new AbortController().signal;
    return await rig.dialer.dialTls(address, { signal, onBehalfOf: registryNameOf(address) });
  };
  const clock = new SteppedClock();
  const spares = new SpareConnections(clock.after);
  onTestFinished(() => spares.endAll());
  return { address, connections, probe, get, spare, clock, spares };
}

describe("the connection by which somebody was looked at", () => {
  it("is that of the first request there, and of the next", async () => {
    const { address, connections, probe, get } = await scene();
    expect(await probe.peerSpeaksTls(address)).toBe("trusted");
    expect(await get()).toBe("/v2/");
    await nextTurn(); // only then undici has it back
    expect(await get({ target: "/second" })).toBe("/second");
    expect(connections.length).toBe(1);
  });

  it("is not that of a request that cannot be sent twice, nor of one in another's name", async () => {
    const { address, connections, probe, get } = await scene();
    await probe.peerSpeaksTls(address);
    await get({ method: "POST" });
    await get({ onBehalfOf: registryNameOf({ host: "other.example", port: 443 }) });
    expect(connections.length).toBe(3);
  });

  it("is replaced by a new one where the registry has hung up meanwhile", async () => {
    const { connections, probe, address, get } = await scene();
    await probe.peerSpeaksTls(address);
    await eventually(() => connections.length === 1);
    connections[0]?.destroy();
    expect(await get()).toBe("/v2/");
    expect(connections.length).toBe(2);
  });
});

describe("a spare connection", () => {
  it("is given once", async () => {
    const { address, spare, spares } = await scene();
    const socket = await spare();
    spares.offer(address, socket);
    expect(spares.take(address)).toBe(socket);
    expect(spares.take(address)).toBeUndefined();
    socket.destroy();
  });

  it.each([
    ["is ended", (server: Socket | undefined): unknown => server?.end()],
    [
      "has something to read",
      (server: Socket | undefined): unknown => server?.write("HTTP/1.1 408 "),
    ],
  ])("that %s is none", async (_, act) => {
    const { address, connections, spare, spares } = await scene();
    const socket = await spare();
    spares.offer(address, socket);
    await eventually(() => connections.length === 1);
    act(connections[0]);
    await eventually(() => socket.destroyed);
    expect(spares.take(address)).toBeUndefined();
  });

  it("is closed after five seconds, by the next one to its host, and at the end", async () => {
    const { address, clock, spare, spares } = await scene();
    const [first, second, third, late] = [
      await spare(),
      await spare(),
      await spare(),
      await spare(),
    ];
    spares.offer(address, first);
    clock.pass(4_999);
    expect(first.destroyed).toBe(false);
    clock.pass(1);
    expect(first.destroyed).toBe(true);
    spares.offer(address, second);
    spares.offer(address, third);
    expect([second.destroyed, third.destroyed]).toEqual([true, false]);
    spares.endAll();
    spares.offer(address, late);
    expect([third.destroyed, late.destroyed]).toEqual([true, true]);
  });
});
