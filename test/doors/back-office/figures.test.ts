import { describe, expect, it } from "vitest";
import { Figures } from "../../../src/doors/back-office/figures.ts";
import type { RegistryName } from "../../../src/protocol/registry-name.ts";
import type { RegistryEvent } from "../../../src/registry/registry-event.ts";

const manifest = "application/vnd.oci.image.manifest.v1+json";

function request(changes: Partial<RegistryEvent> = {}): RegistryEvent {
  return {
    ...{ kind: "requestAnswered", client: "10.0.0.7", door: "proxy" },
    ...{ registry: "docker.io" as RegistryName, repository: "library/alpine" },
    ...{ route: "manifest", what: "3.20", method: "GET", status: 200, bytes: 500, received: 0 },
    ...{ outcome: "hit", source: "memory", digest: undefined, mediaType: manifest },
    ...{ why: undefined, milliseconds: 3, firstByte: 2 },
    ...{ end: "complete", error: undefined },
    ...changes,
  };
}

function figures(
  isKnown = (registry: string): boolean => registry === "docker.io",
  repositories = 0,
) {
  const all = new Figures({ now: () => 1_000_000, isKnown, repositories });
  const value = (name: string, labels: Readonly<Record<string, string>> = {}) => {
    const family = all.families().find((each) => each.name === name);
    const wanted = Object.entries(labels);
    const fits = [...(family?.samples() ?? [])].filter(
      (one) => one.suffix !== "_bucket" && wanted.every(([key, its]) => one.labels[key] === its),
    );
    return fits.reduce((sum, one) => sum + one.value, 0);
  };
  return { all, value };
}

describe("the figures", () => {
  it.each<[string, Partial<RegistryEvent>, number]>([
    ["an image manifest", {}, 1],
    ["an index", { mediaType: "application/vnd.oci.image.index.v1+json" }, 0],
    ["a HEAD", { method: "HEAD", bytes: 0 }, 0],
    ["one that was not given whole", { end: "left" }, 0],
    ["one not modified", { status: 304, bytes: 0 }, 0],
    ["a blob", { route: "blob", mediaType: "application/octet-stream" }, 0],
  ])("count %s as %j: %i pulls", (_, changes, pulls) => {
    const { all, value } = figures();
    all.registry(request(changes));
    expect(value("pulls_total")).toBe(pulls);
  });

  it.each(["memory", "disk", "shared", "upstream"] as const)(
    "say that bytes came from %s, and what that saved",
    (source) => {
      const { all, value } = figures();
      all.registry(request({ outcome: "hit", source, route: "blob", bytes: 70 }));
      expect(value("client_bytes_total", { registry: "docker.io", source })).toBe(70);
      expect(all.traffic.get("docker.io")?.saved).toBe(source === "upstream" ? 0 : 70);
    },
  );

  it("give strangers so many names, and what is known always one of its own", () => {
    const { all, value } = figures();
    for (let each = 0; each < 200; each += 1) {
      all.registry(request({ registry: `r${each}.example` as RegistryName }));
    }
    all.registry(request());
    expect(value("requests_total", { registry: "other" })).toBe(170);
    expect(value("requests_total", { registry: "docker.io" })).toBe(1);
  });

  it("keep within their lines whatever clients ask for, and say how much that left out", () => {
    const { all, value } = figures(() => true);
    for (let registry = 0; registry < 60; registry += 1) {
      for (const route of ["manifest", "blob", "tags", "referrers", "other"] as const) {
        for (const outcome of ["hit", "miss", "stale", "collapsed", "bypass"] as const) {
          const name = `r${registry}.example` as RegistryName;
          all.registry(request({ registry: name, route, outcome }));
          all.upstreams({
            ...{ kind: "exchanged", host: name, registry: name, asked: "blob" },
            ...{ method: "GET", status: 200, milliseconds: 1 },
          });
        }
      }
    }
    const lines = all.families().flatMap((family) => [...family.samples()]).length;
    expect(lines).toBeLessThanOrEqual(2_701);
    expect(lines).toBeGreaterThan(2_500);
    expect(value("metrics_series_dropped_total")).toBeGreaterThan(0);
  });

  it("know a registry's median and slow first bytes from its histogram", () => {
    const { all } = figures();
    for (let each = 1; each <= 100; each += 1) {
      all.upstreams({
        ...{ kind: "exchanged", host: "docker.io", registry: "docker.io" as RegistryName },
        ...{ asked: "blob", method: "GET", status: 200, milliseconds: each <= 90 ? 40 : 400 },
      });
    }
    const [hub] = all.upstream.registries();
    expect(hub).toMatchObject({ registry: "docker.io", isUp: true, answeredAt: 1_000_000 });
    expect(hub?.p50).toBeGreaterThan(0.025);
    expect(hub?.p50).toBeLessThan(0.05);
    expect(hub?.p95).toBeGreaterThan(0.25);
  });

  it("take note of outages by the registry's name, and of none of hosts that are no registries", () => {
    const { all } = figures();
    const down = (host: string) => all.upstreams({ kind: "hostDown", host, code: "CONNECT" });
    all.registry(request());
    down("registry-1.docker.io");
    down("auth.docker.io");
    expect(all.upstream.registries()).toMatchObject([
      { registry: "docker.io", isUp: false, downSince: 1_000_000 },
    ]);
  });

  it("know a registry by one name, whether it is spoken to in plain HTTP or not", () => {
    const { all, value } = figures((registry) => registry === "registry.lan:5000");
    const plain = "http://registry.lan:5000" as RegistryName;
    for (let each = 0; each < 30; each += 1) {
      all.registry(request({ registry: `r${each}.example` as RegistryName }));
    }
    all.registry(request({ registry: plain }));
    all.registry(request({ registry: "registry.lan:5000" as RegistryName }));
    expect(value("requests_total", { registry: "registry.lan:5000" })).toBe(2);
    expect(value("requests_total", { registry: "other" })).toBe(0);
    all.upstreams({ kind: "hostDown", host: "registry.lan:5000", code: "CONNECT" });
    expect(all.upstream.registries()).toMatchObject([
      { registry: "registry.lan:5000", isUp: false },
    ]);
  });

  it("name the repositories that are pulled most, and as many as were asked for", () => {
    const { all, value } = figures(undefined, 2);
    const pull = (repository: string, times: number, changes: Partial<RegistryEvent> = {}) => {
      for (let each = 0; each < times; each += 1) all.registry(request({ repository, ...changes }));
    };
    pull("library/rare", 1);
    pull("library/alpine", 3);
    pull("lab/app", 2, { registry: "http://registry.lan:5000" as RegistryName });
    pull("library/looked-at", 9, { method: "HEAD", bytes: 0 });
    expect(value("repository_pulls_total")).toBe(5);
    expect(value("repository_pulls_total", { repository: "library/alpine" })).toBe(3);
    const registry = "registry.lan:5000";
    expect(value("repository_pulls_total", { registry, repository: "lab/app" })).toBe(2);
  });

  it("name no repository unless they are asked to", () => {
    const { all } = figures();
    all.registry(request());
    expect(all.families().map(({ name }) => name)).not.toContain("repository_pulls_total");
  });

  it("keep within their lines however many repositories are to be named", () => {
    const { all } = figures(() => true, 1_000);
    for (let each = 0; each < 2_000; each += 1) {
      const registry = `r${each % 60}.example` as RegistryName;
      const outcome = (["hit", "miss", "stale", "collapsed", "bypass"] as const)[each % 5];
      all.registry(request({ registry, repository: `team/app-${each}`, outcome }));
      all.registry(request({ registry, route: "tags", outcome }));
      all.registry(request({ registry, route: "blob", outcome }));
    }
    const families = all.families();
    expect(families.flatMap((family) => [...family.samples()]).length).toBeLessThanOrEqual(2_701);
    const named = families.find(({ name }) => name === "repository_pulls_total");
    expect([...(named?.samples() ?? [])]).toHaveLength(1_000);
  });

  it("count a connection cut for the requests that wait on it as turned away by a limit", () => {
    const { all, value } = figures();
    all.door({ kind: "flooded", client: "10.0.0.7" });
    expect(value("refused_total", { reason: "limit" })).toBe(1);
  });

  it("count an image kept by a download, and none for a manifest that was stored", () => {
    const { all, value } = figures();
    const place = {
      ...{ registry: "docker.io" as RegistryName, repository: "a/b" as never },
      digest: `sha256:${"a".repeat(64)}` as never,
    };
    all.cache({ kind: "blobStored", ...place, size: 1 });
    expect(value("downloads_total")).toBe(0);
    all.cache({ kind: "downloadStarted", ...place });
    all.cache({ kind: "blobStored", ...place, size: 1 });
    expect(value("downloads_total", { result: "complete" })).toBe(1);
  });
});
