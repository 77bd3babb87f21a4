import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { environment } from "./support/clients/client.ts";
import { startContainerd } from "./support/clients/containerd.ts";
import { startPodman } from "./support/clients/containers-tools.ts";
import { startDocker } from "./support/clients/docker.ts";
import { makeImageLayout } from "./support/image-layout.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import { run, runWell } from "./support/program.ts";
import { startDockerRegistry } from "./support/upstream/docker-registry.ts";
import { fiveNames, ghcr, guideHosts, hub, quay, spare } from "./support/upstream/look-alikes.ts";

/** One of five images that have the same name at five registries. */
type Named = {
  /** The mirror's name that stands for the registry. */
  readonly name: string;
  /** As images are named. */
  readonly registry: string;
  /** What is in the output of whoever pulled it. */
  readonly manifest: string;
  readonly config: string;
};

const repository = "acme/same";

describe("five names for five registries, each client set up by the scripts as handed out", () => {
  let journey: Journey;
  /** The authority of the mirror's certificate: no client trusts any registry's. */
  let trust = "";
  const all: Named[] = [];

  beforeAll(async () => {
    journey = await Journey.begin({ isEmpty: true });
    const authority = makeAuthority("Five names");
    const own = authority.issue([spare.host, "registry.corp.example"]);
    const tls = { cert: join(journey.folder, "own.pem"), key: join(journey.folder, "own-key.pem") };
    await Promise.all([writeFile(tls.cert, own.cert), writeFile(tls.key, own.key)]);
    const addresses = { "registry.corp.example": guideHosts["registry.corp.example"] };
    const [hubName = "", ghcrName = "", quayName = "", corpName = "", labName = ""] =
      fiveNames.names;
    await fill(hubName, "docker.io", join(journey.folder, "images", hub.registry));
    await fill(ghcrName, ghcr.registry, join(journey.folder, "images", ghcr.registry));
    await fill(quayName, quay.registry, join(journey.folder, "images", quay.registry));
    for (const [name, host] of [
      [corpName, "registry.corp.example"],
      [labName, spare.host],
    ] as const) {
      const folder = join(journey.folder, host);
      const address = host === spare.host ? spare.address : addresses["registry.corp.example"];
      await mkdir(folder);
      const at = { host, address, tls };
      const registry = await startDockerRegistry({ storage: join(folder, "images"), folder, at });
      journey.atEnd(() => registry.stop());
      await fill(name, `${host}:${registry.port}`, join(folder, "images"));
    }
    await open(authority.issue(fiveNames.names), authority.ca);
  }, 180_000);
  afterAll(() => journey?.end());

  /** Puts an image of its own into that storage. */
  async function fill(name: string, registry: string, storage: string): Promise<void> {
    const layout = join(journey.folder, `layout-${name}`);
    const platforms = ["linux/amd64"];
    await makeImageLayout(layout, { tag: "1", platforms, layers: [20_000], seed: registry });
    await mkdir(storage, { recursive: true });
    const writer = await startDockerRegistry({ storage, folder: join(layout, "writer") });
    const to = `docker://127.0.0.1:${writer.port}/${repository}:1`;
    const options = ["copy", "--insecure-policy", "--dest-tls-verify=false"];
    await runWell("skopeo", [...options, `oci:${layout}:1`, to], { env: { HOME: layout } });
    await writer.stop();
    const { manifests } = JSON.parse(await readFile(join(layout, "index.json"), "utf8"));
    const manifest: string = manifests[0].digest.replace("sha256:", "");
    const text = await readFile(join(layout, "blobs/sha256", manifest), "utf8");
    const config: string = JSON.parse(text).config.digest.replace("sha256:", "");
    all.push({ name, registry, manifest, config });
  }

  async function open(certificate: { cert: string; key: string }, ca: string): Promise<void> {
    const [TLS_CERT, TLS_KEY] = [join(journey.folder, "cert.pem"), join(journey.folder, "key.pem")];
    trust = join(journey.folder, "five-names-ca.pem");
    const UPSTREAM_CA = join(journey.folder, "all-upstream.pem");
    await writeFile(TLS_CERT, certificate.cert);
    await writeFile(TLS_KEY, certificate.key);
    await writeFile(trust, ca);
    await writeFile(UPSTREAM_CA, ca + (await readFile(journey.upstreamCa, "utf8")));
    await journey.entrepot({
      ...{ HOST: fiveNames.address, PORT: String(await freePort()), TLS_PORT: "443" },
      ...{ TLS_CERT, TLS_KEY, UPSTREAM_CA },
      MIRROR_HOSTS: all.map(({ name, registry }) => `${name}=${registry}`).join(" "),
    });
  }

  /** As its page says to, below a folder of the client's own. */
  function setUp(script: string, name: string, folder: string) {
    const command = `set -o pipefail; curl -fsS "https://$1/setup/${script}" | bash -s -- --root "$2"`;
    const env = { HOME: folder, CURL_CA_BUNDLE: trust };
    return run("bash", ["-c", command, "set-up", name, folder], { env });
  }

  /** The right one of the five, going by what the client says. */
  function expectRight(output: string, { manifest, config }: Named): void {
    const ids = all.flatMap((one) => [one.manifest, one.config]);
    const said = ids.filter((id) => output.includes(id));
    expect(said.length, output).toBeGreaterThan(0);
    for (const id of said) expect([manifest, config]).toContain(id);
  }

  it.skipIf(!hasProgram("ctr"))("containerd has a hosts.toml for each", async () => {
    const containerd = await journey.client(async (surroundings) => {
      const { folder } = surroundings;
      for (const { name } of all) mustSucceed(await setUp("containerd", name, folder));
      return startContainerd(surroundings, ["--hosts-dir", join(folder, "etc/containerd/certs.d")]);
    }, trust);
    for (const image of all) {
      const pulled = mustSucceed(await containerd.pull(`${image.registry}/${repository}:1`));
      expectRight(pulled.output, image);
    }
  });

  it.skipIf(!hasProgram("podman"))("podman has a file for each", async () => {
    const podman = await journey.client(async (surroundings) => {
      const { folder } = surroundings;
      for (const { name } of all) mustSucceed(await setUp("podman", name, folder));
      const files = join(folder, "etc/containers/registries.conf.d");
      const { stdout } = await runWell("bash", ["-c", `cat '${files}'/*.conf`]);
      return startPodman(surroundings, stdout);
    }, trust);
    for (const image of all) {
      const pulled = mustSucceed(await podman.pull(`${image.registry}/${repository}:1`));
      expectRight(pulled.output, image);
    }
  });

  it.skipIf(!hasProgram("k3s-pull"))(
    "a node of k3s has registries.yaml of any of them",
    async () => {
      for (const image of all) {
        const folder = await mkdtemp(join(journey.folder, `k3s-${image.name}-`));
        mustSucceed(await setUp("k3s", image.name, folder));
        const file = join(folder, "etc/rancher/k3s/registries.yaml");
        const tar = join(folder, "image.tar");
        const env = environment({ folder, trust });
        const named = `${image.registry}/${repository}:1`;
        mustSucceed(await run("k3s-pull", [file, named, tar], { env }));
        const { stdout } = await runWell("tar", ["-xOf", tar, "manifest.json"]);
        expectRight(stdout, image);
      }
    },
  );

  it.skipIf(!hasProgram("dockerd"))(
    "dockerd takes the one of Docker Hub as its mirror, and each in an image's name",
    async () => {
      const [first, ...others] = all;
      if (first === undefined) throw new Error("there are no images");
      const docker = await journey.client(async (surroundings) => {
        const { folder } = surroundings;
        for (const { name, registry } of others) {
          const refused = await setUp("docker-mirror", name, folder);
          expect(refused.code).not.toBe(0);
          const url = `https://${name}/setup/docker-mirror`;
          const { stdout } = await runWell("curl", ["-sS", "--cacert", trust, url]);
          expect(stdout).toContain(`this name stands for ${registry}`);
        }
        mustSucceed(await setUp("docker-mirror", first.name, folder));
        const file = join(folder, "etc/docker/daemon.json");
        return startDocker(surroundings, [`--config-file=${file}`]);
      }, trust);
      const pulled = mustSucceed(await docker.pull(`${repository}:1`));
      expectRight(pulled.output, first);
      for (const image of all)
        expectRight(mustSucceed(await docker.pull(`${image.name}/${repository}:1`)).output, image);
    },
  );
});
