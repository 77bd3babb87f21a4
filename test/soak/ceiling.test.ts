/** Memory after whatever clients did: three rounds of everything at once, each followed by quiet. */
import { readFile, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { hashSync } from "bcryptjs";
import { expect, it, onTestFinished } from "vitest";
import { Clients } from "../journeys/stress/support/clients/clients.ts";
import { fillRegistry, manySizes } from "../journeys/stress/support/corpus.ts";
import { tell } from "../journeys/stress/support/figures.ts";
import { MiB, setScene, throughProxy } from "../journeys/stress/support/scene.ts";
import { Stressed } from "../journeys/stress/support/stressed.ts";
import { freePort } from "../support/free-port.ts";
import { AnyRegistry } from "./support/any-registry.ts";
import { balancer, Floods, ownRegistry } from "./support/floods.ts";
import { ManyHosts } from "./support/many-hosts.ts";
import { minutes } from "./support/sizes.ts";
import { Strangers } from "./support/strangers.ts";

const rounds = 3;
const MB = (text: string | undefined): number => Math.round(Number(text ?? Number.NaN) / MiB);

it("five minutes after any traffic at most 256 MiB are taken, and no more after three rounds than after one", async () => {
  const scene = await setScene();
  const registry = await AnyRegistry.start();
  onTestFinished(() => registry.close());
  const hosts = await ManyHosts.start();
  onTestFinished(() => hosts.close());
  const trusted = await readFile(`${scene.env.UPSTREAM_CA}`, "utf8");
  await writeFile(`${scene.env.UPSTREAM_CA}`, trusted + hosts.ca);
  const htpasswd = join(scene.folder, "htpasswd");
  await writeFile(htpasswd, `pusher:${hashSync("CANARY-pusher", 4)}\n`);
  const corpus = fillRegistry(scene, manySizes(300, 4 * MiB));
  const [tlsPort, adminPort] = [await freePort(), await freePort()];
  const env = {
    ...scene.env,
    REGISTRIES: `${scene.upstream.host} http://${registry.host}`,
    MIRROR_DEFAULT: `http://${registry.host}`,
    TLS_PORT: String(tlsPort),
    ADMIN_PORT: String(adminPort),
    HTTPS_PROXY: hosts.proxy,
    NO_PROXY: scene.upstream.host,
    TRUSTED_PROXIES: balancer,
    HOSTED_HOSTS: ownRegistry,
    HOSTED_HTPASSWD: htpasswd,
    CACHE_MAX_SIZE: "500 MiB",
  };
  // The first start of a version compiles it.
  await (await Stressed.start(scene.folder, env)).stop();
  const stressed = await Stressed.start(scene.folder, env);
  const began = performance.now();
  const sample = async (what: string) => {
    const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    const figure = (name: string) => new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1];
    const { now } = await stressed.memory();
    const at = Math.round((performance.now() - began) / 1_000);
    const heap = MB(figure("nodejs_heap_size_used_bytes") ?? figure("entrepot_heap_bytes"));
    const external = MB(figure("nodejs_external_memory_bytes"));
    const files = await stressed.descriptors();
    tell({ at, what, rss: Math.round(now), heap, external, files });
    return now;
  };
  const watch = async (what: string, milliseconds: number) => {
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      await pause(Math.min(15_000, Math.max(0, end - performance.now())));
      await sample(what);
    }
  };
  await sample("idle");
  const after: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const crowd = new Clients();
    const way = await throughProxy(scene, stressed);
    crowd.mixed({ ...corpus, ...way, rate: MiB, seed: round, clients: 5 });
    const stop = new AbortController();
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const floodAgent = new Agent({ keepAlive: true, maxSockets: 16 });
    const strangers = new Strangers({ registry, port: stressed.port, tlsPort, agent });
    const floods = new Floods({ hosts, port: stressed.port, adminPort, agent: floodAgent, round });
    const work = [
      ...Array.from({ length: 4 }, () => strangers.work(stop.signal)),
      ...Array.from({ length: 16 }, () => floods.work(stop.signal)),
    ];
    await watch("traffic", (minutes * 60_000) / (rounds + 1));
    stop.abort();
    await Promise.all(work);
    agent.destroy();
    floodAgent.destroy();
    const report = await crowd.report();
    await crowd.close();
    expect(report.wrong).toEqual([]);
    scene.upstream.requests.splice(0);
    tell({ round, asked: strangers.asked, ...Object.fromEntries(strangers.statuses), ...report });
    tell({ round, floods: Object.fromEntries([...floods.answers].sort()) });
    // Each flood reaches what it is to fill, which uploads of an earlier round may have done.
    for (const reached of [
      "ns 200",
      "sni 200",
      "balanced 200",
      round === 0 ? "upload 202" : /^upload (202|429)$/,
      "login 401",
      "search 200",
    ])
      expect([...floods.answers.keys()]).toContainEqual(expect.stringMatching(reached));
    await watch("quiet", Math.min(60_000, minutes * 4_000));
    after.push(await sample("after a round"));
  }
  await watch("quiet", Math.min(300_000, minutes * 15_000));
  const last = await sample("end");
  tell({ after, last });
  expect(last).toBeLessThanOrEqual(256);
  expect(last).toBeLessThanOrEqual((after[0] ?? 0) + 32);
});
