import { open } from "node:fs/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Lookup } from "../../../src/upstream/net/name-lookup.ts";
import { SystemNames } from "../../../src/upstream/net/system-names.ts";
import { startDnsServer } from "../dns-server.ts";
import { rejection } from "../rig.ts";

const fromResolver = [{ address: "192.0.2.1", family: 4 as const }];
const fromServer = [{ address: "198.51.100.7", family: 4 }];

function failing(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A resolver of the machine's own that keeps some names waiting until they are answered. */
async function openNames(stuck: (host: string) => boolean, hosts = "") {
  const asked: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<typeof fromResolver>>();
  const resolver: Lookup = (host) => {
    asked.push(host);
    if (!stuck(host)) return Promise.resolve(fromResolver);
    const gate = Promise.withResolvers<typeof fromResolver>();
    gates.set(host, gate);
    return gate.promise;
  };
  const dns = await startDnsServer({ "reg.test": "198.51.100.7", "slow.test": "198.51.100.7" });
  const names = new SystemNames({
    readHosts: async () => hosts,
    servers: [dns.address],
    resolver,
  });
  return { names, dns, asked, gates };
}

afterEach(() => {
  vi.useRealTimers();
});

describe("the machine's names", () => {
  it("are the resolver's, hosts file and all, and no name server is asked beside it", async () => {
    const names = new SystemNames({ readHosts: () => Promise.reject(new Error("not asked")) });
    const found = await names.lookup("localhost");
    expect(found.map(({ address }) => address)).toContain(
      found[0]?.family === 6 ? "::1" : "127.0.0.1",
    );
    const { names: quick, dns } = await openNames(() => false);
    expect(await quick.lookup("reg.test")).toEqual(fromResolver);
    expect(dns.asked).toEqual([]);
  });

  it("are the name servers' where four lookups are stuck, and files are read all the while", async () => {
    let isStuck = true;
    const { names, dns, asked, gates } = await openNames((host) => isStuck && /^stuck/.test(host));
    const stuck = [1, 2, 3, 4].map((each) => names.lookup(`stuck${each}.test`).catch(String));
    const started = performance.now();
    expect(await names.lookup("reg.test")).toEqual(fromServer);
    expect(performance.now() - started).toBeLessThan(4_500);
    const file = await open(import.meta.filename);
    await file.close();
    // Two turns are all there are, and nobody else takes one meanwhile.
    expect(asked).toEqual(["stuck1.test", "stuck2.test"]);
    expect(dns.asked).toContain("reg.test A");
    isStuck = false;
    for (const gate of gates.values()) gate.resolve(fromResolver);
    await Promise.all(stuck);
    expect(await names.lookup("reg.test")).toEqual(fromResolver);
  });

  it("are the name servers' where one lookup takes longer than a second", async () => {
    const { names } = await openNames((host) => host === "slow.test");
    expect(await names.lookup("slow.test")).toEqual(fromServer);
  });

  it("are the resolver's after all where the name servers do not know them", async () => {
    const { names, dns, gates } = await openNames(() => true);
    const found = names.lookup("printer.local");
    while (!dns.asked.includes("printer.local A")) await new Promise(setImmediate);
    gates.get("printer.local")?.resolve(fromResolver);
    expect(await found).toEqual(fromResolver);
  });

  it("have their addresses of one family although the other is not answered", async () => {
    const { names, dns } = await openNames(() => true);
    dns.silentAbout.add("AAAA");
    expect(await names.lookup("reg.test")).toEqual(fromServer);
  });

  it("stand in the hosts file also while the resolver is stuck", async () => {
    const hosts = "# ours\n10.0.0.7\tother.lan Reg.LAN # it\n  fd00::7 reg.lan\nnonsense reg.lan\n";
    const { names, dns } = await openNames(() => true, hosts);
    expect(await names.lookup("reg.lan")).toEqual([
      { address: "10.0.0.7", family: 4 },
      { address: "fd00::7", family: 6 },
    ]);
    expect(dns.asked).toEqual([]);
  });

  it("that are unknown to the resolver are so at once, and known as soon as they are there", async () => {
    const answers = [Promise.reject(failing("ENOTFOUND")), Promise.resolve(fromResolver)];
    const names = new SystemNames({
      readHosts: async () => "",
      resolver: async () => (await answers.shift()) ?? [],
    });
    expect(await rejection(names.lookup("new.test"))).toMatchObject({ code: "ENOTFOUND" });
    expect(await names.lookup("new.test")).toEqual(fromResolver);
  });

  it("that nobody knows or answers for are given up within five seconds, and not asked for twice", async () => {
    const { names, dns, asked } = await openNames(() => true);
    const unknown = names.lookup("unknown.test");
    const silent = names.lookup("silent.test");
    dns.silentAbout.add("A").add("AAAA");
    const started = performance.now();
    const failures = await Promise.all([rejection(unknown), rejection(silent)]);
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(failures).toMatchObject([{ code: "ETIMEOUT" }, { code: "ETIMEOUT" }]);
    dns.silentAbout.clear();
    dns.names.set("silent.test", "198.51.100.7");
    // The name servers are asked at once now: the resolver still owes an answer.
    expect(await names.lookup("silent.test")).toEqual(fromServer);
    expect(asked).toEqual(["unknown.test", "silent.test"]);
  });

  it("are waited for by a thousand and no more", async () => {
    const { names, gates, dns } = await openNames(() => true);
    // However long it takes, nobody's patience ends.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const waiting = Array.from({ length: 1_002 }, (_, each) => names.lookup(`${each}.test`));
    const ended = Promise.allSettled(waiting);
    expect(await rejection(names.lookup("one-more.test"))).toMatchObject({ code: "EAGAIN" });
    while (gates.size < 1_002) {
      for (const gate of gates.values()) gate.resolve(fromResolver);
      await new Promise(setImmediate);
    }
    for (const gate of gates.values()) gate.resolve(fromResolver);
    expect((await ended).every(({ status }) => status === "fulfilled")).toBe(true);
    expect(dns.asked).toEqual([]);
  });
});
