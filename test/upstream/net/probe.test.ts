import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { HostPort } from "../../../src/protocol/http/host-port.ts";
import { type Registry, registryAt } from "../../../src/protocol/registry-name.ts";
import { DownMemory } from "../../../src/upstream/down-memory.ts";
import { Probe } from "../../../src/upstream/net/probe.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { buildRig, listening, type RigOptions, rejection } from "../rig.ts";

const trusted = makeAuthority();
const leaf = trusted.issue(["127.0.0.1"]);
const day = 86_400_000;

function probing(address: HostPort, options: RigOptions = {}, patienceMs?: number) {
  const clock = { now: 0 };
  const rig = buildRig({
    authorities: [trusted.ca],
    named: [`${address.host}:${address.port}`],
    ...options,
  });
  const now = () => clock.now;
  const outages = new DownMemory({ now, observe: () => undefined });
  return { rig, clock, outages, probe: new Probe({ ...rig, outages, patienceMs, now }) };
}

async function site(listener: RequestListener, certificate = leaf) {
  const requests: string[] = [];
  const server = createTlsServer(certificate, (request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    listener(request, response);
  });
  const address = await listening(server);
  return { address, requests, ...probing(address) };
}

const api = { "Docker-Distribution-Api-Version": "registry/2.0" };
const bearer = 'Bearer realm="https://auth.example/token",service="x"';

describe("an unknown host", () => {
  it.each([
    [200, api, true],
    [401, { ...api, "WWW-Authenticate": 'Basic realm="x"' }, true],
    [401, { "WWW-Authenticate": bearer }, true],
    [401, { "WWW-Authenticate": 'Basic realm="x"' }, false],
    [200, { "Content-Type": "text/html" }, false],
    [200, { "Docker-Distribution-Api-Version": "registry/3.0" }, false],
    [404, api, false],
    [302, { Location: "/login" }, false],
    [307, { ...api, Location: "/v2/other" }, false],
    [500, api, false],
  ])("that answers /v2/ with %i %j is a registry: %s", async (status, headers, isOne) => {
    const { rig, address, requests } = await site((_request, response) => {
      response.writeHead(status, headers).end("{}");
    });
    const told: unknown[] = [];
    const found = (...facts: [Registry, readonly string[]]): void => void told.push(facts);
    const probe = new Probe({ ...rig, now: () => 0, found });
    expect(await probe.isRegistry(address)).toBe(isOne);
    expect(requests).toEqual(["GET /v2/ undefined"]);
    const challenge = Object.entries(headers).find(([name]) => name === "WWW-Authenticate");
    expect(told).toEqual(isOne ? [[registryAt(address, "https"), challenge?.slice(1) ?? []]] : []);
  });

  it("is asked in plain where it is to be a plain registry, which is another one", async () => {
    const address = await listening(
      createServer((_request, response) => response.writeHead(200, api).end("{}")),
    );
    const { probe } = probing(address);
    expect(await probe.isRegistry(address, "http")).toBe(true);
    expect(await probe.isRegistry(address)).toBe(false);
  });

  it("waits while somebody's names without end are looked at, and another's is found meanwhile", async () => {
    const { address } = await site((_request, response) => response.writeHead(200, api).end("{}"));
    const asked: string[] = [];
    const stuck = Promise.withResolvers<never>();
    stuck.promise.catch(() => undefined);
    const lookup = (host: string) => {
      asked.push(host);
      return stuck.promise;
    };
    const { probe } = probing(address, { lookup });
    const names = Array.from({ length: 300 }, (_, index) => `r${index}.evil.example`);
    const looks = names.map((host) => probe.isRegistry({ host, port: 443 }));
    expect(await probe.isRegistry(address)).toBe(true);
    expect(asked.length).toBeLessThanOrEqual(57);
    stuck.reject(new Error("no such name"));
    expect(new Set(await Promise.all(looks))).toEqual(new Set([false]));
  });

  it("is asked once by many, and again after 7 days when it was a registry", async () => {
    const { probe, address, requests, clock } = await site((_request, response) => {
      response.writeHead(200, api).end("{}");
    });
    await Promise.all([probe.isRegistry(address), probe.isRegistry(address)]);
    clock.now = 7 * day - 1;
    await probe.isRegistry(address);
    expect(requests).toHaveLength(1);
    clock.now = 7 * day;
    await probe.isRegistry(address);
    expect(requests).toHaveLength(2);
  });

  it("is none that was a registry before the last restart, for 7 days, and is not asked", async () => {
    const address = { host: "127.0.0.1", port: await freePort() };
    const { rig, clock } = probing(address);
    clock.now = 10 * day;
    const seen: Registry[] = [];
    const seenAt = (one: Registry): number => {
      seen.push(one);
      return 4 * day;
    };
    const probe = new Probe({ ...rig, now: () => clock.now, seenAt });
    expect(await probe.isRegistry(address)).toBe(true);
    clock.now = 11 * day;
    expect(await probe.isRegistry(address)).toBe(false);
    expect(seen).toEqual([registryAt(address, "https"), registryAt(address, "https")]);
  });

  it("is asked again after 24 hours when it was none", async () => {
    const { probe, address, requests, clock } = await site((_request, response) => {
      response.end("<html>");
    });
    await probe.isRegistry(address);
    clock.now = day - 1;
    await probe.isRegistry(address);
    expect(requests).toHaveLength(1);
    clock.now = day;
    await probe.isRegistry(address);
    expect(requests).toHaveLength(2);
  });

  it("is no registry when it is silent, and is asked again after a minute", async () => {
    let connections = 0;
    const address = await listening(createTcpServer(() => connections++));
    const { probe, clock } = probing(address);
    const started = performance.now();
    expect(await probe.isRegistry(address)).toBe(false);
    expect(performance.now() - started).toBeLessThan(5_000);
    clock.now = 59_999;
    expect(await probe.isRegistry(address)).toBe(false);
    expect(connections).toBe(1);
  });

  it("is no registry when its certificate is not trusted, and nothing is sent", async () => {
    const { probe, address, requests } = await site(
      (_request, response) => response.writeHead(200, api).end(),
      makeAuthority("Stranger").issue(["127.0.0.1"]),
    );
    expect(await probe.isRegistry(address)).toBe(false);
    expect(requests).toEqual([]);
  });

  it("is no registry where nothing may be dialled", async () => {
    const { address, requests } = await site((_request, response) => response.end());
    const { probe } = probing(address, { allowed: [] });
    expect(await probe.isRegistry(address)).toBe(false);
    expect(requests).toEqual([]);
  });
});

describe("a peer's TLS", () => {
  it("is trusted, with nothing to say about it, and looked at once in ten minutes", async () => {
    const { probe, address, clock } = await site(() => undefined);
    expect(await probe.peerSpeaksTls(address)).toBe("trusted");
    expect(probe.tlsTrouble(address)).toBeUndefined();
    clock.now = 599_999;
    expect(await probe.peerSpeaksTls(address)).toBe("trusted");
  });

  it("is untrusted, and why is told", async () => {
    const { probe, address } = await site(
      () => undefined,
      makeAuthority("Stranger").issue(["127.0.0.1"]),
    );
    expect(await probe.peerSpeaksTls(address)).toBe("untrusted");
    expect(probe.tlsTrouble(address)).toContain("unknown authority");
  });

  it("is not there when the peer speaks plain HTTP", async () => {
    const address = await listening(createServer((_request, response) => response.end()));
    const { probe } = probing(address);
    expect(await probe.peerSpeaksTls(address)).toBe("plain");
    expect(probe.tlsTrouble(address)).toContain("speaks no TLS; write http://");
  });

  it("is not there when the peer hangs up on a ClientHello", async () => {
    const address = await listening(createTcpServer((peer) => peer.once("data", () => peer.end())));
    expect(await probing(address).probe.peerSpeaksTls(address)).toBe("closed");
  });

  it("is unreachable when nobody listens, for ten seconds", async () => {
    const server = createTcpServer();
    const address = await listening(server, "127.0.0.1", await freePort());
    await new Promise((resolve) => server.close(resolve));
    const { probe, clock } = probing(address);
    expect(await probe.peerSpeaksTls(address)).toBe("unreachable");
    expect(probe.tlsTrouble(address)).toContain("refuses connections");
    await listening(createTlsServer(leaf), address.host, address.port);
    expect(await probe.peerSpeaksTls(address)).toBe("unreachable");
    clock.now = 10_000;
    expect(await probe.peerSpeaksTls(address)).toBe("trusted");
  });

  it("is unreachable when the look takes too long, and nobody waits for it again", async () => {
    const address = await listening(createTcpServer((peer) => peer.on("error", () => undefined)));
    const { probe, outages } = probing(address, {}, 60);
    expect(await probe.peerSpeaksTls(address)).toBe("unreachable");
    expect(outages.isDown(`${address.host}:${address.port}`)).toBe(true);
    const again = await Promise.race([probe.peerSpeaksTls(address), pause(40, "waited")]);
    expect(again).toBe("unreachable");
  });

  it("is trusted as it was while it is looked at again", async () => {
    const server = createTlsServer(leaf);
    const address = await listening(server, "127.0.0.1", await freePort());
    const { probe, clock } = probing(address);
    expect(await probe.peerSpeaksTls(address)).toBe("trusted");
    await new Promise((resolve) => server.close(resolve));
    clock.now = 600_000;
    expect(await probe.peerSpeaksTls(address)).toBe("trusted");
    await eventually(async () => (await probe.peerSpeaksTls(address)) === "unreachable");
  });

  it("is trusted at once when it was a registry before the last restart, and looked at meanwhile", async () => {
    const address = await listening(createTcpServer((peer) => peer.on("error", () => undefined)));
    const { rig, clock } = probing(address);
    const name = registryAt(address, "https").name;
    const seenAt = (registry: Registry) => (registry.name === name ? 0 : undefined);
    const probe = new Probe({ ...rig, now: () => clock.now, patienceMs: 60, seenAt });
    clock.now = 7 * day - 1;
    expect(await Promise.race([probe.peerSpeaksTls(address), pause(50, "waited")])).toBe("trusted");
    const plain = new Probe({ ...rig, now: () => clock.now, patienceMs: 60, seenAt });
    expect(await plain.peerSpeaksTls(address, true)).toBe("unreachable");
    clock.now = 7 * day;
    const later = new Probe({ ...rig, now: () => clock.now, patienceMs: 60, seenAt });
    expect(await later.peerSpeaksTls(address)).toBe("unreachable");
  });

  it("is forbidden where nothing may be dialled any more, though it was a registry before the last restart", async () => {
    const address = { host: "169.254.169.254", port: 443 };
    const probe = new Probe({
      ...buildRig({ named: ["169.254.169.254"] }),
      now: () => 0,
      seenAt: () => 0,
    });
    expect(await probe.peerSpeaksTls(address)).toBe("trusted");
    const refusal = async () => await probe.peerSpeaksTls(address).catch((error: unknown) => error);
    await eventually(async () => (await refusal()) !== "trusted");
    expect(await refusal()).toMatchObject({ code: "FORBIDDEN" });
  });

  it("is no plain HTTP because it hangs up after a restart, having been a registry before", async () => {
    const hangUp = createTcpServer((peer) => peer.once("data", () => peer.end()));
    const address = await listening(hangUp);
    const { rig } = probing(address);
    const probe = new Probe({ ...rig, now: () => 0, seenAt: () => 0 });
    expect(await probe.peerSpeaksTls(address)).toBe("trusted");
    await eventually(async () => (await probe.peerSpeaksTls(address)) !== "trusted");
    expect(await probe.peerSpeaksTls(address)).toBe("unreachable");
  });

  it("that was trusted is no plain HTTP because the peer hangs up for a while", async () => {
    const server = createTlsServer(leaf);
    const address = await listening(server, "127.0.0.1", await freePort());
    const { probe, clock } = probing(address);
    expect(await probe.peerSpeaksTls(address)).toBe("trusted");
    await new Promise((resolve) => server.close(resolve));
    const hangUp = createTcpServer((peer) => peer.once("data", () => peer.end()));
    await listening(hangUp, address.host, address.port);
    clock.now = 600_000;
    expect(await probe.peerSpeaksTls(address)).toBe("trusted");
    await eventually(async () => (await probe.peerSpeaksTls(address)) === "unreachable");
    clock.now += 10_000;
    expect(await probe.peerSpeaksTls(address)).toBe("unreachable");
    await new Promise((resolve) => hangUp.close(resolve));
    // What answers in plain HTTP has become a plain registry.
    await listening(createServer(), address.host, address.port);
    clock.now += 10_000;
    expect(await probe.peerSpeaksTls(address)).toBe("plain");
  });

  it("is unreachable, and not looked at, offline", async () => {
    let connections = 0;
    const address = await listening(createTcpServer(() => connections++));
    const rig = buildRig({ named: [`${address.host}:${address.port}`] });
    const probe = new Probe({ ...rig, now: () => 0, isOffline: true });
    expect(await probe.peerSpeaksTls(address)).toBe("unreachable");
    expect(connections).toBe(0);
  });

  it("is not looked at where nothing may be dialled", async () => {
    const { address } = await site(() => undefined);
    const { probe } = probing(address, { allowed: [] });
    expect(await rejection(probe.peerSpeaksTls(address))).toMatchObject({ code: "FORBIDDEN" });
  });
});
