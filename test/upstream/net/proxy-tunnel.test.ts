import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import type { CorporateProxy } from "../../../src/upstream/net/corporate-proxy.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { blackHole } from "../black-hole.ts";
import { fakeProxy } from "../proxy.ts";
import { buildRig, listening, type RigOptions, rejection } from "../rig.ts";

const never = new AbortController().signal;

async function dialThrough(proxy: CorporateProxy, options: RigOptions = {}) {
  const rig = buildRig({ ...options, proxies: { https: proxy } });
  return { rig, socket: await rig.dialer.dial({ host: "ghcr.io", port: 443 }, { signal: never }) };
}

describe("a tunnel through the corporate proxy", () => {
  it("reaches the other end with names that only the proxy can resolve", async () => {
    const echo = await listening(createServer((peer) => peer.pipe(peer)));
    const fake = fakeProxy({ leadsTo: echo });
    const address = await listening(fake.server);
    const authorization = "Basic CANARY-login";
    const { rig, socket } = await dialThrough({ scheme: "http", address, authorization });
    socket.write("hello");
    expect(String((await once(socket, "data"))[0])).toBe("hello");
    expect(fake.seen).toEqual([`CONNECT ghcr.io:443 ${authorization}`]);
    expect(rig.lookups).toEqual([]);
    socket.destroy();
  });

  it("is made over TLS when the proxy is an https one", async () => {
    const authority = makeAuthority();
    const echo = await listening(createServer((peer) => peer.pipe(peer)));
    const fake = fakeProxy({ leadsTo: echo, tls: authority.issue(["proxy.test"]) });
    const { port } = await listening(fake.server);
    const { socket } = await dialThrough(
      { scheme: "https", address: { host: "proxy.test", port }, authorization: undefined },
      { authorities: [authority.ca], names: { "proxy.test": ["127.0.0.1"] } },
    );
    socket.write("hello");
    expect(String((await once(socket, "data"))[0])).toBe("hello");
    socket.destroy();
  });

  it("keeps what the other end said at once", async () => {
    const address = await listening(
      createServer((peer) => peer.once("data", () => peer.write("HTTP/1.1 200 OK\r\n\r\nSSH-2.0"))),
    );
    const { socket } = await dialThrough({ scheme: "http", address, authorization: undefined });
    expect(String((await once(socket, "data"))[0])).toBe("SSH-2.0");
    socket.destroy();
  });

  it("understands an answer that comes byte by byte", async () => {
    const address = await listening(
      createServer(async (peer) => {
        peer.setNoDelay(true);
        await once(peer, "data");
        for (const letter of "HTTP/1.0 200 OK\r\nA: b\r\n\r\nX") {
          peer.write(letter);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
    const { socket } = await dialThrough({ scheme: "http", address, authorization: undefined });
    expect(String((await once(socket, "data"))[0])).toBe("X");
    socket.destroy();
  });

  it.each([
    [407, "wants another login (407)"],
    [403, "refused the connection (403)"],
    [502, "refused the connection (502)"],
  ])("says why it was refused: %i", async (refusal, words) => {
    const address = await listening(fakeProxy({ refusal }).server);
    const authorization = "Basic CANARY-login";
    const error = await rejection(dialThrough({ scheme: "http", address, authorization }));
    expect(error).toMatchObject({ code: "CONNECT", message: expect.stringContaining(words) });
    expect(String(error)).not.toContain("CANARY");
  });

  it.each([
    ["SSH-2.0-OpenSSH\r\n\r\n", "PROTOCOL"],
    ["x".repeat(20_000), "TOO_LARGE"],
    ["HTTP/1.1 2", "RESET"],
  ])("fails when the proxy talks nonsense", async (nonsense, code) => {
    const server = createServer((peer) => peer.once("data", () => peer.end(nonsense)));
    const address = await listening(server);
    const failed = dialThrough({ scheme: "http", address, authorization: undefined });
    expect(await rejection(failed)).toMatchObject({ code, host: "ghcr.io" });
  });

  it("checks names and literals before the proxy is asked", async () => {
    const fake = fakeProxy();
    const address = await listening(fake.server);
    const rig = buildRig({
      proxies: { https: { scheme: "http", address, authorization: undefined } },
    });
    for (const target of [
      { host: "169.254.169.254", port: 443 },
      { host: "10.0.0.1", port: 443 },
      { host: "mail.example", port: 25 },
    ]) {
      const failed = rig.dialer.dial(target, { signal: never });
      expect(await rejection(failed)).toMatchObject({ code: "FORBIDDEN" });
    }
    expect(fake.seen).toEqual([]);
  });

  it("is refused when the proxy is this process itself", async () => {
    const fake = fakeProxy();
    const address = await listening(fake.server);
    const rig = buildRig({
      listeners: [{ host: "::", port: address.port }],
      names: { "me.test": ["127.0.0.1"] },
      proxies: {
        https: {
          scheme: "http",
          address: { host: "me.test", port: address.port },
          authorization: undefined,
        },
      },
    });
    expect(await rig.dialer.findLoop(never)).toEqual({ host: "me.test", port: address.port });
    const failed = rig.dialer.dial({ host: "ghcr.io", port: 443 }, { signal: never });
    expect(await rejection(failed)).toMatchObject({ code: "FORBIDDEN" });
    expect(fake.seen).toEqual([]);
  });

  it("finds no loop in a proxy elsewhere, or in one that cannot be resolved", async () => {
    const https: CorporateProxy = {
      scheme: "http",
      address: { host: "gone.test", port: 1 },
      authorization: undefined,
    };
    const rig = buildRig({ listeners: [{ host: "::", port: 1 }], proxies: { https } });
    expect(await rig.dialer.findLoop(never)).toBeUndefined();
  });

  it("gives up in time on a proxy that does not answer", async () => {
    const address = await blackHole();
    const https: CorporateProxy = { scheme: "http", address, authorization: undefined };
    const rig = buildRig({ proxies: { https } });
    const failed = rig.dialer.dial(
      { host: "ghcr.io", port: 443 },
      { signal: never, timeoutMs: 50 },
    );
    expect(await rejection(failed)).toMatchObject({ code: "TIMEOUT" });
  });
});
