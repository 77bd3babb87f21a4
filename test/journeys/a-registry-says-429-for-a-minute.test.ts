import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Client } from "./support/clients/client.ts";
import { Curl, startCurl } from "./support/clients/curl.ts";
import { engines } from "./support/clients/engines.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hubLogin, Journey, mustSucceed } from "./support/journey.ts";
import { ghcr, hostsOf, hub, type LookAlike, quay } from "./support/upstream/look-alikes.ts";

const minute = 60_000;

/** What one registry and its token service may be asked in that minute. */
const budget = 12;

/**
 * Kept before. Docker Hub will say for how long it wants to be left alone, GitHub's will not. Quay's
 * is one that nobody ever asked before.
 */
const kept = {
  hub: ["docker.io/library/alpine:3.20", "docker.io/acme/private:1"],
  ghcr: ["ghcr.io/acme/tool:1"],
};

/** What an ask for an image that is not kept was answered. */
type Told = { readonly registry: string; readonly status: number; readonly after: number };

describe("a registry and its token service that say 429 for a minute", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  const clients: Client[] = [];
  const failures: string[] = [];
  const pulls = { engines: 0, curl: 0, requests: 0 };
  const pings: number[] = [];
  const strangers: Told[] = [];

  beforeAll(async () => {
    journey = await Journey.begin();
    // Hardly any pull finds its tag fresh.
    entrepot = await journey.entrepot({ AUTH_REGISTRIES: hubLogin, TAG_TTL: "100ms" });
    for (const engine of engines) clients.push(await engine.start(journey, entrepot));
    for (const image of [...kept.hub, ...kept.ghcr]) await pull(await curl(), image);
    // In its memory then are tokens of Docker Hub, and none of GitHub's.
    await entrepot.stop();
    entrepot = await journey.entrepot({
      AUTH_REGISTRIES: hubLogin,
      TAG_TTL: "100ms",
      PORT: String(entrepot.port),
    });
    for (const image of kept.hub) await pull(await curl(), image);
    await journey.upstream.ledger.quiet();
    journey.upstream.ledger.clear();
    for (const host of hostsOf(hub)) journey.upstream.troubles.set(host, { retryAfter: "20" });
    for (const host of [...hostsOf(ghcr), ...hostsOf(quay)]) {
      journey.upstream.troubles.set(host, { retryAfter: undefined });
    }
    const until = performance.now() + minute;
    await Promise.all([
      ...clients.map((client) => enginesPull(client, until)),
      ...[1, 2, 3, 4].map(async () => curlPulls(await curl(), until)),
      ...Array.from({ length: 50 }, () => requests(until)),
      ...[hub, ghcr, quay].map((registry) => strangersAsk(registry, until)),
      ping(quay, until),
    ]);
  });
  afterAll(() => journey?.end());

  const curl = () => journey.client(startCurl, entrepot.trust, entrepot.proxy);

  async function pull(client: Client, image: string): Promise<void> {
    mustSucceed(await client.pull(image));
  }

  async function tried(work: () => Promise<void>): Promise<void> {
    await work().catch((error) => failures.push(String(error)));
  }

  async function enginesPull(client: Client, until: number): Promise<void> {
    // Docker Hub's alone: dockerd mirrors no other.
    for (let turn = 0; performance.now() < until; turn++) {
      const image = kept.hub[turn % kept.hub.length] ?? "";
      await tried(() => pull(client, image));
      pulls.engines += 1;
      await client.wipe();
    }
  }

  async function curlPulls(client: Client, until: number): Promise<void> {
    const images = [...kept.ghcr, ...kept.hub];
    for (let turn = 0; performance.now() < until; turn++) {
      await tried(() => pull(client, images[turn % images.length] ?? ""));
      pulls.curl += 1;
    }
  }

  /** Bare requests for kept tags, through the mirror. */
  async function requests(until: number): Promise<void> {
    const names = ["library/alpine/manifests/3.20", "ghcr.io/acme/tool/manifests/1"];
    for (let turn = 0; performance.now() < until; turn++) {
      const name = names[turn % names.length];
      await tried(async () => {
        const answer = await fetch(`${entrepot.proxy}/v2/${name}`);
        await answer.arrayBuffer();
        if (answer.status !== 200) throw new Error(`${name}: ${answer.status}`);
      });
      pulls.requests += 1;
      await pause(250);
    }
  }

  /** A new image every second, none of them kept. */
  async function strangersAsk({ registry }: LookAlike, until: number): Promise<void> {
    const path = registry === hub.registry ? "" : `${registry}/`;
    for (let turn = 0; performance.now() < until; turn++) {
      const answer = await fetch(`${entrepot.proxy}/v2/${path}acme/new-${turn}/manifests/1`);
      await answer.arrayBuffer();
      const after = Number(answer.headers.get("retry-after"));
      strangers.push({ registry, status: answer.status, after });
      await pause(1_000);
    }
  }

  /** As every engine does that wants something of a registry, which has not been heard of yet. */
  async function ping({ registry }: LookAlike, until: number): Promise<void> {
    const client = new Curl({
      folder: journey.folder,
      trust: entrepot.trust,
      proxy: entrepot.proxy,
    });
    while (performance.now() < until) {
      const { status } = await client.get(`https://${registry}/v2/`);
      pings.push(status);
      await pause(500);
    }
  }

  function askedOf(registry: LookAlike): string[] {
    const hosts = hostsOf(registry);
    const { ledger } = journey.upstream;
    return ledger.lines().filter((line) => hosts.some((host) => line.includes(` ${host}/`)));
  }

  it("fail no pull of what is kept", () => {
    expect(failures.slice(0, 5)).toEqual([]);
    expect(pulls.engines).toBeGreaterThan(engines.length);
    expect(pulls.curl).toBeGreaterThan(4);
    expect(pulls.requests).toBeGreaterThan(1_000);
  });

  it.each([
    ["with Retry-After", hub],
    ["without Retry-After", ghcr],
    ["and nothing known of them", quay],
  ] as const)("are asked at most 12 times in it, %s", (_how, registry) => {
    const asked = askedOf(registry);
    expect(asked.length, asked.join("\n")).toBeLessThanOrEqual(budget);
  });

  it("pass a ping's 429 on", () => {
    expect(pings.length).toBeGreaterThan(20);
    expect([...new Set(pings)]).toEqual([429]);
  });

  it.each(engines.filter(({ name }) => /^(?:dockerd|containerd), by the proxy$/.test(name)))(
    "$name, says why it cannot have what is not kept",
    async (engine) => {
      const client = clients[engines.indexOf(engine)] as Client;
      const pulled = await client.pull("docker.io/acme/large:1");
      expect(pulled.code).not.toBe(0);
      expect(pulled.output).toMatch(/toomanyrequests|429/i);
    },
  );

  it.each([hub, ghcr, quay])(
    "$registry: who wants what is not kept is told when to try again",
    (one) => {
      const told = strangers.filter(({ registry }) => registry === one.registry);
      expect(told.length).toBeGreaterThan(20);
      expect([...new Set(told.map(({ status }) => status))]).toEqual([429]);
      expect(Math.min(...told.map(({ after }) => after))).toBeGreaterThanOrEqual(1);
      expect(Math.max(...told.map(({ after }) => after))).toBeLessThanOrEqual(30);
    },
  );
});
