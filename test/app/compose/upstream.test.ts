import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { composeListen } from "../../../src/app/compose/listen.ts";
import { composeUpstream, refuseLoop } from "../../../src/app/compose/upstream.ts";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import type { RegistryName } from "../../../src/protocol/registry-name.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import type { SavedChallenge } from "../../../src/upstream/auth/challenge-memory.ts";
import { startFakeRegistry } from "../../support/fake-registry.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { keptLog, settingsWith } from "./composing.ts";

async function upstreamWith(environment: Readonly<Record<string, string>>) {
  const settings = await settingsWith(environment);
  const life = new AbortController();
  const saved: SavedChallenge[] = [];
  const upstream = await composeUpstream({
    settings,
    listen: composeListen(settings),
    environment: {},
    secret: new Uint8Array(32),
    clock: systemClock,
    log: keptLog().log,
    saveChallenge: (challenge) => void saved.push(challenge),
    life: life.signal,
  });
  onTestFinished(async () => {
    life.abort();
    await upstream.close();
  });
  return { upstream, settings, saved };
}

const ping = (name: RegistryName) => ({
  registry: { name, scheme: "http" as const },
  method: "GET",
  target: "/v2/",
  headers: headerList({}),
  access: { kind: "none" as const },
  redirects: "pass" as const,
  patience: "full" as const,
  signal: AbortSignal.timeout(10_000),
});

describe("the way out", () => {
  it("reaches a loopback registry only where that is allowed, and nobody while offline", async () => {
    const registry = await startFakeRegistry({});
    const name = registry.registry.name;
    const open = { REGISTRIES: name, UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8" };
    const { upstream } = await upstreamWith(open);
    const answer = await upstream.client.send(ping(name));
    answer.body.destroy();
    expect(answer.status).toBe(200);
    const closed = await upstreamWith({ REGISTRIES: name });
    await expect(closed.upstream.client.send(ping(name))).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    const offline = await upstreamWith({ ...open, OFFLINE: "true" });
    await expect(offline.upstream.client.send(ping(name))).rejects.toThrow("OFFLINE");
    expect(registry.requests).toHaveLength(1);
  });

  it("reaches a private registry that only DOCKER_CONFIG has a login for", async () => {
    const path = join(await temporaryFolder(), "config.json");
    const auth = Buffer.from("u:CANARY-p").toString("base64");
    const auths = { "https://10.255.255.1:5000/v1/": { auth } };
    const credHelpers = { "10.255.255.2:5000": "pass" };
    await writeFile(path, JSON.stringify({ auths, credHelpers }));
    const { upstream } = await upstreamWith({ DOCKER_CONFIG: path });
    const dial = (host: string) => {
      // Whether it may be dialled is judged first; nothing is.
      return upstream.dialer.dial({ host, port: 5_000 }, { signal: AbortSignal.abort() });
    };
    await expect(dial("10.255.255.1")).rejects.toMatchObject({ code: "ABORTED" });
    await expect(dial("10.255.255.2")).rejects.toMatchObject({ code: "ABORTED" });
    await expect(dial("10.255.255.3")).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(upstream.named).toEqual(["10.255.255.2:5000", "10.255.255.1:5000"]);
  });

  it("reaches a private token host, on whatever port, that AUTH_REALMS alone names", async () => {
    const AUTH_REALMS = "10.255.255.1:5000=10.255.255.2:8443";
    const { upstream } = await upstreamWith({ REGISTRIES: "10.255.255.1:5000", AUTH_REALMS });
    const dial = (host: string, port: number) =>
      upstream.dialer.dial({ host, port }, { signal: AbortSignal.abort() });
    await expect(dial("10.255.255.2", 8_443)).rejects.toMatchObject({ code: "ABORTED" });
    await expect(dial("10.255.255.2", 8_444)).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  it("knows a registry that a probe found after a restart too, while it is down", async () => {
    const registry = await startFakeRegistry({ tls: true });
    const folder = await temporaryFolder();
    const UPSTREAM_CA = join(folder, "ca.pem");
    await writeFile(UPSTREAM_CA, registry.ca ?? "");
    const REGISTRIES = registry.registry.name;
    const environment = { UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8", UPSTREAM_CA, REGISTRIES };
    const { upstream, saved } = await upstreamWith(environment);
    const { address } = registry;
    expect(await upstream.probe.isRegistry(address)).toBe(true);
    await registry.close();
    const { upstream: unknowing } = await upstreamWith(environment);
    expect(await unknowing.probe.isRegistry(address)).toBe(false);
    for (const more of [{}, { OFFLINE: "true" }]) {
      const { upstream: next } = await upstreamWith({ ...environment, ...more });
      next.memory.load(saved);
      expect(await next.probe.isRegistry(address)).toBe(true);
    }
  });

  it("takes up other logins", async () => {
    const { upstream } = await upstreamWith({});
    const ghcr = { name: "ghcr.io" as RegistryName, scheme: "https" as const };
    expect(upstream.authorizer.hasCredential(ghcr)).toBe(false);
    await upstream.reloadLogins(await settingsWith({ AUTH_REGISTRIES: "ghcr.io:u:CANARY-p" }));
    expect(upstream.authorizer.hasCredential(ghcr)).toBe(true);
  });

  it("does not start through a corporate proxy that is itself", async () => {
    const { upstream } = await upstreamWith({ PORT: "3299", HTTPS_PROXY: "http://127.0.0.1:3299" });
    const signal = AbortSignal.timeout(10_000);
    await expect(refuseLoop(upstream, signal)).rejects.toThrow("which is this proxy itself");
  });

  it("names the file of UPSTREAM_CA that holds no certificate", async () => {
    const path = join(await temporaryFolder(), "ca.pem");
    await writeFile(path, "hello");
    await expect(upstreamWith({ UPSTREAM_CA: path })).rejects.toThrow(
      `UPSTREAM_CA names ${path}, which holds no certificate; write the path of a PEM file`,
    );
  });

  it("names the file of UPSTREAM_CA that cannot be read", async () => {
    await expect(upstreamWith({ UPSTREAM_CA: "/nowhere.pem" })).rejects.toThrow(
      "UPSTREAM_CA names /nowhere.pem, which cannot be read (ENOENT); write the path of a readable file",
    );
  });
});
