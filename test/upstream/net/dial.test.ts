import { createServer, type Server } from "node:net";
import { describe, expect, it } from "vitest";
import { type HostPort, parseHostPort } from "../../../src/protocol/http/host-port.ts";
import { registryNameOf } from "../../../src/protocol/registry-name.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";
import { freePort } from "../../support/free-port.ts";
import { blackHole } from "../black-hole.ts";
import { buildRig, listening, rejection } from "../rig.ts";

const never = new AbortController().signal;

async function code(promise: Promise<unknown>): Promise<string> {
  const error = await rejection(promise);
  expect(error).toBeInstanceOf(UpstreamError);
  return (error as UpstreamError).code;
}

/** A listener that counts who comes, on both loopback addresses. */
async function counting(): Promise<{ port: number; count: () => number }> {
  let connections = 0;
  const server = (): Server => createServer(() => connections++);
  const { port } = await listening(server(), "127.0.0.1");
  await listening(server(), "::1", port);
  return { port, count: () => connections };
}

const oddHosts: readonly string[] = [
  // Spellings of 127.0.0.1 that one parser or another accepts.
  "127.0.0.1",
  "127.0.0.1.",
  "127.1",
  "127.0.1",
  "2130706433",
  "0x7f.1",
  "0x7f000001",
  "0X7F.0.0.1",
  "0177.0.0.1",
  "017700000001",
  "127.000.000.001",
  "①②⑦.0.0.1",
  "127。0。0。1",
  "127．0．0．1",
  "0",
  "0.0.0.0",
  "00.00.00.00",
  "[::]",
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[::127.0.0.1]",
  "[::ffff:0:127.0.0.1]",
  "[64:ff9b::127.0.0.1]",
  "[64:ff9b::7f00:1]",
  "[2002:7f00:1::]",
  "[::1%25lo]",
  "[::1%lo]",
  "::1",
  // Names that resolve to it, in spellings that might slip past.
  "localhost",
  "LOCALHOST",
  "LocalHost.",
  "localhost.localdomain",
  "loop.test",
  "LOOP.TEST",
  "loop.test.",
  "loop6.test",
  "mapped.test",
  "xn--lop-0na.test",
  "l\u00f6op.test",
  "loop.test\u0000.ghcr.io",
  "loop.test\r\nHost: ghcr.io",
  "loop.test#ghcr.io",
  "loop.test/ghcr.io",
  "ghcr.io@loop.test",
  "loop.test\\ghcr.io",
  "loop test",
  "loop.test%2e",
  "%6c%6f%6f%70.test",
  "-loop.test",
  "loop-.test",
  "loop..test",
  ".loop.test",
  "*.test",
  "",
  // Elsewhere that must not be reached.
  "169.254.169.254",
  "[::ffff:169.254.169.254]",
  "[fd00:ec2::254]",
  "169。254。169。254",
  "meta.test",
  "10.0.0.1",
  "172.16.0.1",
  "192.168.0.1",
  "[fc00::1]",
  "[fe80::1]",
  "100.64.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "[ff02::1]",
  "private.test",
  "mixed.test",
];

describe("dialling", () => {
  it("resolves once and connects to the address it was given", async () => {
    const { host, port } = await listening(createServer());
    const rig = buildRig({ names: { "reg.test": [host] }, tunnelPorts: [port] });
    const socket = await rig.dialer.dial({ host: "reg.test", port }, { signal: never });
    expect(socket.remoteAddress).toBe("127.0.0.1");
    expect(socket.listenerCount("error")).toBeGreaterThan(0);
    expect(rig.lookups).toEqual(["reg.test"]);
    socket.destroy();
  });

  it.each(oddHosts)("refuses %j without a connection", async (text) => {
    const { port, count } = await counting();
    const rig = buildRig({
      allowed: [],
      tunnelPorts: [port],
      names: {
        localhost: ["127.0.0.1", "::1"],
        "localhost.localdomain": ["127.0.0.1"],
        "loop.test": ["127.0.0.1"],
        "loop6.test": ["::1"],
        "mapped.test": ["::ffff:127.0.0.1"],
        "xn--lop-0na.test": ["127.0.0.1"],
        "meta.test": ["169.254.169.254"],
        "private.test": ["10.0.0.1"],
        "mixed.test": ["127.0.0.1", "10.0.0.1", "::1", "fe80::1"],
      },
    });
    const parsed = parseHostPort(`${text}:${port}`);
    if (parsed !== undefined) {
      expect(await code(rig.dialer.dial(parsed, { signal: never }))).toBe("FORBIDDEN");
    }
    expect(count()).toBe(0);
  });

  it("has a table worth the name", () => {
    expect(oddHosts.length).toBeGreaterThanOrEqual(60);
  });

  it("dials only the permitted ones of a name's addresses", async () => {
    const { port, count } = await counting();
    await listening(createServer(), "127.0.0.2", port);
    const rig = buildRig({
      allowed: ["127.0.0.2/32"],
      names: { "mixed.test": ["127.0.0.1", "::1", "127.0.0.2"] },
      tunnelPorts: [port],
    });
    const socket = await rig.dialer.dial({ host: "mixed.test", port }, { signal: never });
    expect(socket.remoteAddress).toBe("127.0.0.2");
    expect(count()).toBe(0);
    socket.destroy();
  });

  it("never follows a name that turns to loopback at the second question", async () => {
    const { port, count } = await counting();
    await listening(createServer(), "127.0.0.2", port);
    let asked = 0;
    const rig = buildRig({
      allowed: ["127.0.0.2/32"],
      tunnelPorts: [port],
      lookup: async () => [{ address: asked++ === 0 ? "127.0.0.2" : "127.0.0.1", family: 4 }],
    });
    const first = await rig.dialer.dial({ host: "rebind.test", port }, { signal: never });
    expect(first.remoteAddress).toBe("127.0.0.2");
    expect(asked).toBe(1);
    first.destroy();
    const second = rig.dialer.dial({ host: "rebind.test", port }, { signal: never });
    expect(await code(second)).toBe("FORBIDDEN");
    expect(count()).toBe(0);
  });

  it("names the host and the resolver's code when there is no such name", async () => {
    const failed = buildRig().dialer.dial({ host: "nowhere.test", port: 443 }, { signal: never });
    expect(await rejection(failed)).toMatchObject({
      code: "DNS",
      message: "nowhere.test cannot be resolved (ENOTFOUND)",
    });
  });

  it("says that nobody listens", async () => {
    const server = createServer();
    const { host, port } = await listening(server, "127.0.0.1", await freePort());
    await new Promise((resolve) => server.close(resolve));
    const rig = buildRig({ tunnelPorts: [port] });
    expect(await rejection(rig.dialer.dial({ host, port }, { signal: never }))).toMatchObject({
      code: "CONNECT",
      message: `127.0.0.1:${port} refuses connections (ECONNREFUSED)`,
    });
  });

  it("gives up in time on an address that does not answer", async () => {
    const hole = await blackHole();
    const rig = buildRig({ tunnelPorts: [hole.port] });
    const failed = rig.dialer.dial(hole, { signal: never, timeoutMs: 100 });
    expect(await rejection(failed)).toMatchObject({
      code: "TIMEOUT",
      message: `127.0.0.1:${hole.port} could not be connected to within 0.1 s`,
    });
  });

  it("gives up in time on a resolver that does not answer, and asks it once for all", async () => {
    const rig = buildRig({ lookup: () => Promise.withResolvers<[]>().promise });
    const dial = () =>
      rig.dialer.dial({ host: "slow.test", port: 443 }, { signal: never, timeoutMs: 50 });
    expect(await Promise.all([code(dial()), code(dial())])).toEqual(["TIMEOUT", "TIMEOUT"]);
    expect(rig.lookups).toEqual(["slow.test"]);
  });

  it("ends as ABORTED with the caller's signal", async () => {
    const hole = await blackHole();
    const rig = buildRig({ tunnelPorts: [hole.port] });
    const stop = new AbortController();
    const failed = rig.dialer.dial(hole, { signal: stop.signal });
    stop.abort();
    expect(await code(failed)).toBe("ABORTED");
  });

  it("keeps to one family when told to", async () => {
    const { port } = await counting();
    const names = { "both.test": ["127.0.0.1", "::1"], "four.test": ["127.0.0.1"] };
    const rig = buildRig({ names, tunnelPorts: [port], family: 6 });
    const socket = await rig.dialer.dial({ host: "both.test", port }, { signal: never });
    expect(socket.remoteAddress).toBe("::1");
    socket.destroy();
    const failed = rig.dialer.dial({ host: "four.test", port }, { signal: never });
    expect(await rejection(failed)).toMatchObject({
      code: "DNS",
      message: expect.stringContaining("UPSTREAM_FAMILY"),
    });
  });

  it("lets a tunnel nowhere near a port that only a registry may have", async () => {
    const { port } = await counting();
    const here: HostPort = { host: "127.0.0.1", port };
    const rig = buildRig();
    expect(await code(rig.dialer.dial(here, { signal: never }))).toBe("FORBIDDEN");
    const named = buildRig({ named: [`127.0.0.1:${port}`] });
    const socket = await named.dialer.dial(here, {
      signal: never,
      onBehalfOf: registryNameOf(here),
    });
    socket.destroy();
  });
});
