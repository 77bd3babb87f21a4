import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { canBoot } from "../support/machine.ts";
import { Reader } from "../support/reader.ts";
import { playPrivateRegistry } from "../support/upstream/private-registry.ts";

const corporate = "registry.corp.example";
const alpine = "docker pull alpine:3.20";
const forget = "docker images --quiet | sort -u | xargs --no-run-if-empty docker rmi --force";

describe.skipIf(!canBoot())("docker.md", () => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await Reader.begin("docker.md", {
      env: async (journey) => {
        const played = { host: corporate, images: corporate, login: "bob:CANARY-right" };
        return { UPSTREAM_CA: await playPrivateRegistry(journey, played) };
      },
    });
    await reader.machine.must("systemctl start docker");
  });
  afterAll(() => reader?.end());

  it("the proxy: set up, every registry, docker login, undone", async () => {
    const { guide, machine, entrepot } = reader;
    const { output } = await machine.must(guide.take("/setup/docker -o"));
    expect(output).toContain("restart: docker");
    for (const image of ["alpine:3.20", "ghcr.io/owner/app:1", "quay.io/acme/thing:1"]) {
      await reader.pullsFromDisk(`docker pull ${image}`, forget);
    }
    await eventually(() => entrepot.lines.some((line) => line.includes('"cache":"hit"')));

    const pull = `docker pull ${corporate}/team/app:1`;
    expect((await machine.run(pull)).code, "without a login").not.toBe(0);
    const login = await machine.type(`docker login ${corporate}`, ["bob", "CANARY-right"]);
    expect(login.output).toContain("Login Succeeded");
    await reader.pullsFromDisk(pull, forget);
    await machine.must(`docker logout ${corporate}`);
    expect((await machine.run(pull)).code, "logged out").not.toBe(0);

    const named = "docker pull mirror.example.com:3128/ghcr.io/owner/app:1";
    await reader.pullsFromDisk(named, forget);

    const checked = await machine.must(guide.take("/setup/check"));
    expect(checked.output).toContain("✔ docker comes here as its proxy, and pulls");

    const undo = guide.take("--undo");
    const shown = await machine.must(undo.replace("--undo", "--print"));
    expect(shown.output).toContain("HTTPS_PROXY=http://mirror.example.com:3128");
    await machine.must(undo);
    await reader.pullsElsewhere(alpine);
    await machine.must(forget);
  });

  it("the mirror: Docker Hub, and other registries by the mirror's address", async () => {
    const { guide, machine } = reader;
    await machine.must(guide.take("/setup/docker-mirror | bash"));
    const written = await machine.must("cat /etc/docker/daemon.json");
    const shown = JSON.parse(guide.file("/etc/docker/daemon.json"));
    expect(JSON.parse(written.stdout)).toEqual(shown);
    await reader.pullsFromDisk(alpine, forget);

    const plain = guide.take("insecure-registries");
    await machine.must(`echo '${plain}' >/etc/docker/daemon.json
      systemctl restart docker`);
    await reader.pullsFromDisk(alpine, forget);
    await reader.pullsFromDisk(guide.take("docker pull mirror.example.com"), forget);
  });

  it("has no other command", () => {
    // Followed with buildkit.md.
    reader.guide.take("docker build");
    expect(reader.guide.left()).toEqual([]);
  });
});
