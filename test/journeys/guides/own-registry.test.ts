import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { requestsIn } from "../support/entrepot.ts";
import { Guide } from "../support/guide.ts";
import { hasProgram, type Journey } from "../support/journey.ts";
import { canBoot } from "../support/machine.ts";
import { Service } from "../support/program.ts";
import { Reader } from "../support/reader.ts";
import { guideHosts } from "../support/upstream/look-alikes.ts";

const proxy = "http://mirror.example.com:3128";
const forget = "docker images --quiet | sort -u | xargs --no-run-if-empty docker rmi --force";

/** Debian's docker-registry, in plain HTTP, as its owner has set it up. */
async function playOwnRegistry(journey: Journey, name: string, address: string): Promise<void> {
  const folder = join(journey.folder, name);
  await mkdir(folder, { recursive: true });
  const config = join(folder, "config.json");
  const filesystem = { rootdirectory: join(folder, "images") };
  const storage = { filesystem, delete: { enabled: true } };
  const log = { level: "error", accesslog: { disabled: true } };
  const settings = { version: "0.1", log, storage, http: { addr: address } };
  await writeFile(config, JSON.stringify(settings));
  const service = new Service("docker-registry", ["serve", config]);
  journey.atEnd(() => service.stop());
  await service.ready(async () => (await fetch(`http://${address}/`)).ok);
}

describe.skipIf(!canBoot() || !hasProgram("docker-registry"))("own-registry.md", () => {
  let reader: Reader;
  beforeAll(async () => {
    const guide = await Guide.open("own-registry.md");
    reader = await Reader.begin("own-registry.md", {
      env: async (journey) => {
        const port = await freePort();
        await playOwnRegistry(journey, "here", `127.0.0.1:${port}`);
        await playOwnRegistry(journey, "there", `${guideHosts["registry.lan"]}:5000`);
        const here = guide.settings("MIRROR_HOSTS=");
        const there = guide.settings("REGISTRIES=http://registry.lan:5000");
        const onPort = (text = "") => text.replace("127.0.0.1:5000", `127.0.0.1:${port}`);
        return {
          REGISTRIES: `${onPort(here.REGISTRIES)} ${there.REGISTRIES}`,
          MIRROR_HOSTS: onPort(here.MIRROR_HOSTS),
          // The other one is on this machine, too, as far as the journey goes.
          UPSTREAM_ALLOW_ADDRESSES: `${here.UPSTREAM_ALLOW_ADDRESSES} 127.0.83.0/24`,
        };
      },
    });
    reader.guide.take("MIRROR_HOSTS=");
    reader.guide.take("REGISTRIES=http://registry.lan:5000");
    const { machine } = reader;
    await machine.must("systemctl start docker");
    await machine.must((await Guide.open("docker.md")).take("/setup/docker -o"));
  });
  afterAll(() => reader?.end());

  it("on the same machine docker pushes and pulls by the old name, and skopeo deletes", async () => {
    const { guide, machine, entrepot } = reader;
    const shown = guide.take("docker push docker-registry.local/team/app:1.0").split("\n");
    const [push = "", pull = "", remove = ""] = shown;
    const image = "docker-registry.local/team/app:1.0";
    await machine.must(`docker pull alpine:3.20 && docker tag alpine:3.20 ${image}`);
    await machine.must(push);
    for (const _time of ["cold", "warm"]) await machine.must(`${forget}; ${pull}`);
    await eventually(() => {
      expect(requestsIn(entrepot.lines).map(({ cache }) => cache)).toContain("hit");
    });
    await machine.must(`export HTTPS_PROXY=${proxy}; ${remove}`);
    await machine.must(forget);
    expect((await machine.run(pull)).code, "deleted").not.toBe(0);
  });

  it("on another machine docker is told that the registry is insecure, and pushes through the proxy", async () => {
    const { guide, machine } = reader;
    const shown = guide.take("insecure-registries");
    await machine.must(`echo '${shown}' >/etc/docker/daemon.json; systemctl restart docker`);
    const image = "registry.lan:5000/team/app:1.0";
    await machine.must(`docker pull alpine:3.20 && docker tag alpine:3.20 ${image}`);
    await machine.must(guide.take("docker push registry.lan:5000"));
    await machine.must(`${forget}; docker pull ${image}`);
  });

  it("has no other command", () => {
    const { guide } = reader;
    expect(guide.left()).toEqual([]);
  });
});
