import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { StartClient } from "./support/clients/client.ts";
import { startContainerd } from "./support/clients/containerd.ts";
import { startBuildah, startPodman, startSkopeo } from "./support/clients/containers-tools.ts";
import { Curl } from "./support/clients/curl.ts";
import { startDocker } from "./support/clients/docker.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { freePort } from "./support/free-port.ts";
import { guideFile, guideSettings, placeGuideFile } from "./support/guide.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import { runWell } from "./support/program.ts";

describe("somebody who does what a guide says", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  let mirror: string;
  beforeAll(async () => {
    journey = await Journey.begin();
    entrepot = await journey.entrepot();
    mirror = `127.0.0.1:${entrepot.port}`;
  });
  afterAll(() => journey?.end());

  async function pullsTwice(start: StartClient, ...images: readonly string[]): Promise<void> {
    const client = await journey.client(start, journey.upstreamCa);
    for (const image of images) {
      mustSucceed(await client.pull(image));
      await client.wipe();
      journey.upstream.ledger.clear();
      mustSucceed(await client.pull(image));
      expect(journey.upstream.ledger.contentGets(), image).toEqual([]);
    }
  }

  it.skipIf(!hasProgram("dockerd"))("docker.md: dockerd pulls from Docker Hub", () =>
    pullsTwice(async (surroundings) => {
      const at = { guide: "docker.md", path: "/etc/docker/daemon.json", mirror };
      const root = await placeGuideFile(surroundings.folder, at);
      return startDocker(surroundings, [`--config-file=${join(root, at.path)}`]);
    }, "docker.io/library/alpine:3.20"),
  );

  it.skipIf(!hasProgram("containerd"))("containerd.md: containerd pulls from everywhere", () =>
    pullsTwice(
      async (surroundings) => {
        const folder = "/etc/containerd/certs.d";
        for (const name of ["docker.io", "_default"]) {
          const path = `${folder}/${name}/hosts.toml`;
          await placeGuideFile(surroundings.folder, { guide: "containerd.md", path, mirror });
        }
        return startContainerd(surroundings, ["--hosts-dir", join(surroundings.folder, folder)]);
      },
      "docker.io/library/alpine:3.20",
      "quay.io/acme/thing:1",
    ),
  );

  for (const [program, start] of [
    ["podman", startPodman],
    ["skopeo", startSkopeo],
    ["buildah", startBuildah],
  ] as const) {
    it.skipIf(!hasProgram(program))(`podman.md: ${program} pulls from two registries`, () =>
      pullsTwice(
        async (surroundings) => {
          const file = "/etc/containers/registries.conf.d/50-entrepot.conf";
          return start(surroundings, await guideFile("podman.md", file, mirror));
        },
        "docker.io/library/alpine:3.20",
        "ghcr.io/acme/tool:1",
      ),
    );
  }

  it.each([
    ["docker.md", "docker-mirror", "/etc/docker/daemon.json"],
    ["containerd.md", "containerd", "/etc/containerd/certs.d/docker.io/hosts.toml"],
    ["containerd.md", "containerd", "/etc/containerd/certs.d/_default/hosts.toml"],
    ["podman.md", "podman", "/etc/containers/registries.conf.d/50-entrepot.conf"],
    ["kubernetes.md", "k3s", "/etc/rancher/k3s/registries.yaml"],
    ["buildkit.md", "buildkit", "/etc/buildkit/buildkitd.toml"],
  ])("%s shows what /setup/%s writes into %s", async (guide, script, path) => {
    const root = join(journey.folder, `${script}-root`);
    await mkdir(root, { recursive: true });
    const command = 'curl -fsS "$1" | bash -s -- --root "$2"';
    const args = ["-c", command, "set-up", `http://${mirror}/setup/${script}`, root];
    await runWell("bash", args, { env: { HOME: journey.folder } });
    const written = await readFile(join(root, path), "utf8");
    const shown = await guideFile(guide, path, mirror);
    if (/\.(?:yaml|json)$/.test(path)) expect(parse(written)).toMatchObject(parse(shown));
    else for (const line of shown.split("\n")) expect(written).toContain(line);
  });

  it.each(["squid-style.md", "traefik-style.md"])("%s: its settings make sense", async (guide) => {
    const settings = await guideSettings(guide);
    const main = join(import.meta.dirname, "../../dist/app/main.js");
    const env = { HOME: journey.folder, ...settings };
    await runWell(process.execPath, [main, "config", "check"], { env, cwd: journey.folder });
  });

  it("traefik-style.md: each name stands for its registry", async () => {
    const {
      ACME_DOMAINS: _domains,
      ACME_EMAIL: _email,
      ...settings
    } = await guideSettings("traefik-style.md");
    const TLS_PORT = String(await freePort());
    const named = await journey.entrepot({ ...settings, TLS_PORT }, "traefik-style");
    const curl = new Curl({ folder: journey.folder, trust: named.trust });
    for (const [host, repository, tag] of [
      ["hub.example.com", "library/alpine", "3.20"],
      ["ghcr.example.com", "acme/tool", "1"],
      ["quay.example.com", "acme/thing", "1"],
    ]) {
      const url = `https://${host}:${TLS_PORT}/v2/${repository}/manifests/${tag}`;
      const reached = await curl.get(url, "--resolve", `${host}:${TLS_PORT}:127.0.0.1`);
      expect(reached.status, `${host}: ${reached.run.output}`).toBe(200);
    }
  });
});
