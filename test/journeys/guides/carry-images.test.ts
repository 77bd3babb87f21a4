import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { StartClient } from "../support/clients/client.ts";
import { startContainerd } from "../support/clients/containerd.ts";
import { startPodman } from "../support/clients/containers-tools.ts";
import { startDocker } from "../support/clients/docker.ts";
import { type Entrepot, runEntrepot } from "../support/entrepot.ts";
import { Guide } from "../support/guide.ts";
import { makeImageLayout } from "../support/image-layout.ts";
import { hasProgram, Journey, mustSucceed } from "../support/journey.ts";
import { runWell } from "../support/program.ts";

const host = "docker-registry.local";
const settings = { HOST: "127.0.0.1", HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true" };
const images = ["ghcr.io/owner/app:1", `${host}/team/app:1`];

const engines: readonly (readonly [string, StartClient])[] = [
  ["podman", startPodman],
  ["containerd", (surroundings) => startContainerd(surroundings)],
];

describe.skipIf(!hasProgram("skopeo") || !hasProgram("dockerd"))("carry-images.md", () => {
  let journey: Journey;
  let guide: Guide;
  let first: Entrepot;
  let other: Entrepot;
  let folder = "";

  beforeAll(async () => {
    guide = await Guide.open("carry-images.md");
    journey = await Journey.begin();
    folder = join(journey.folder, "stick");
    await mkdir(folder);
    first = await journey.entrepot(settings, "first");
    const layout = join(journey.folder, "pushed");
    const platforms = ["linux/amd64", "linux/arm64"];
    await makeImageLayout(layout, {
      tag: "1",
      platforms,
      layers: [300_000, 40_000],
      seed: "carry",
    });
    await skopeo(first, "copy --all", `oci:${layout}:1`, `docker://${host}/team/app:1`);
    await skopeo(first, "copy --all", "docker://ghcr.io/owner/app:1", `dir:${folder}/pulled`);
    other = await journey.entrepot({ ...settings, OFFLINE: "true" }, "other");
  });
  afterAll(() => journey?.end());

  function skopeo({ proxy, trust }: Entrepot, command: string, ...places: readonly string[]) {
    const [copy = "", ...flags] = command.split(" ");
    const args = [copy, "--insecure-policy", ...flags, ...places];
    return runWell("skopeo", args, {
      cwd: folder,
      env: { HTTPS_PROXY: proxy, SSL_CERT_FILE: trust },
    });
  }

  /** As it stands in the guide, there where the stick is. */
  async function typed({ dataDir }: Entrepot, command: string): Promise<string> {
    const [, ...args] = command.split(" ");
    const { code, output } = await runEntrepot(folder, { DATA_DIR: dataDir }, args);
    expect([command, code, output]).toEqual([command, 0, output]);
    return output;
  }

  it("what one machine has cached and what was pushed there comes to one without the internet", async () => {
    const exported = await typed(first, guide.take("-o images.tar"));
    expect(exported).toContain(`exported ${images[1]} for linux/amd64, linux/arm64\n`);
    const imported = await typed(other, guide.take("entrepot images import images.tar"));
    expect(imported).toContain(`imported ${images[0]}`);
    expect(imported).toContain(`imported ${images[1]} for linux/amd64, linux/arm64, as if`);
    await first.stop();
  });

  it.each(engines)("and is pulled from there by %s", async (_name, start) => {
    const client = await journey.client(start, other.trust, other.proxy);
    for (const image of images) mustSucceed(await client.pull(image));
  });

  it("and by docker, of which what it saves is imported, and which loads what is exported", async () => {
    const client = await journey.client((its) => startDocker(its), other.trust, other.proxy);
    for (const image of images) mustSucceed(await client.pull(image));
    const saved = join(folder, "saved.tar");
    expect(guide.take("docker save")).toBe("docker save");
    mustSucceed(await client.command("save", "-o", saved, `${host}/team/app:1`));
    await typed(other, `entrepot images import ${saved} --as ${host}/team/saved:3`);
    mustSucceed(await client.pull(`${host}/team/saved:3`));
    await client.wipe();
    await typed(other, `entrepot images export ${host}/team/app:1 -o app.tar`);
    const [, load = "", flag = ""] = guide.take("docker load -i").split(" ");
    const loaded = mustSucceed(await client.command(load, flag, join(folder, "app.tar")));
    expect(loaded.output).toContain(`${host}/team/app:1`);
  });

  it("skopeo reads what is exported, and what it writes is imported", async () => {
    const [copy = ""] = [guide.take("skopeo copy --all oci-archive:")];
    const [, , all = "", ...places] = copy.split(" ");
    await skopeo(other, `copy ${all}`, ...places);
    await typed(other, guide.take("--as docker-registry.local/team/other:2"));
    await skopeo(other, "copy --all", `docker://${host}/team/other:2`, `dir:${folder}/again`);
  });

  it("what Debian's registry keeps in its folder is imported", async () => {
    const [dry = "", done = ""] = guide.take("import-registry").split("\n");
    const kept = join(inject("parts").images, "ghcr.io");
    const here = (command: string) => command.replace("/var/lib/docker-registry", kept);
    expect(await typed(other, here(dry))).toContain("owner/app: ");
    expect(await typed(other, here(done))).toContain("owner/app: ");
    await skopeo(other, "copy --all", `docker://${host}/owner/app:1`, `dir:${folder}/imported`);
    expect(guide.left()).toEqual([]);
  });
});
