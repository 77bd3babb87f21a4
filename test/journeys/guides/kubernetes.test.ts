import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { hasProgram } from "../support/journey.ts";
import { canBoot } from "../support/machine.ts";
import { Reader } from "../support/reader.ts";

const images = ["docker.io/library/alpine:3.20", "ghcr.io/owner/app:1", "quay.io/acme/thing:1"];
const socket = "/run/containerd/containerd.sock";
const registriesYaml = "/etc/rancher/k3s/registries.yaml";

/** A node as far as pulling goes: a container that kind takes for its own, with this Debian's containerd. */
const startNode = (patch: string) => `
mkdir -p node/etc/containerd node/etc/ssl/certs node/usr node/opt node/tmp node/var node/run node/root
ln -s usr/bin usr/sbin usr/lib usr/lib64 node
cp /etc/passwd /etc/group node/etc
cp /etc/ssl/certs/ca-certificates.crt node/etc/ssl/certs
cp "$(command -v cri-pull)" node/opt || true
printf 'version = 2\n%s\n' '${patch}' >node/etc/containerd/config.toml
tar -C node -c . | docker import - node
docker run --detach --name kind-control-plane --privileged --network host \\
  --label io.x-k8s.kind.cluster=kind --label io.x-k8s.kind.role=control-plane \\
  --volume /usr:/usr:ro --volume /var/lib/containerd node containerd
until docker exec kind-control-plane ctr version >/dev/null 2>&1; do
  docker container inspect --format '{{.State.Running}}' kind-control-plane | grep -q true ||
    { docker logs kind-control-plane; exit 1; }
done
`;

describe.skipIf(!canBoot())("kubernetes.md", () => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await Reader.begin("kubernetes.md");
  });
  afterAll(() => reader?.end());

  it("containerd: what the kubelet asks for comes from disk", async () => {
    const { guide, machine } = reader;
    await machine.must("systemctl start containerd");
    await machine.must(guide.take("/setup/containerd | bash"));
    const file = "/etc/containerd/config.toml";
    await machine.must(`grep -q certs.d ${file} || cat >>${file} <<'END'
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
END
      systemctl restart containerd`);
    if (!hasProgram("cri-pull")) return;
    for (const image of images) {
      const forget = `cri-pull -remove ${socket} ${image}`;
      await reader.pullsFromDisk(`cri-pull ${socket} ${image}`, forget);
    }
  });

  it("k3s and RKE2: their library pulls by the file that is written", async () => {
    const { guide, machine } = reader;
    await machine.must(guide.take("/setup/k3s | bash"));
    const { stdout } = await machine.must(`cat ${registriesYaml}`);
    expect(parse(stdout)).toMatchObject(parse(guide.file(registriesYaml)));
    if (!hasProgram("k3s-pull")) return;
    for (const image of images) {
      await reader.pullsFromDisk(`k3s-pull ${registriesYaml} ${image} image.tar`, "rm image.tar");
    }
  });

  it("CRI-O: its library pulls by the file that is written", async () => {
    const { guide, machine } = reader;
    await machine.must(guide.take("/setup/podman | bash"));
    for (const image of images) {
      await reader.pullsFromDisk(`skopeo copy docker://${image} dir:image`, "rm -r image");
      if (!hasProgram("containers-pull")) continue;
      await reader.pullsFromDisk(`containers-pull ${image} image`, "rm -r image");
    }
  });

  it.skipIf(!hasProgram("kind"))(
    "kind: its configuration, and the script in each node",
    async () => {
      const { guide, machine } = reader;
      await machine.must("systemctl start docker");
      const config = guide.take("kind: Cluster");
      // kind reads all of it before it looks for the image of its nodes, which is not to be had here.
      const create = await machine.run(`kind create cluster --config - <<'END'\n${config}\nEND`);
      expect(create.output).toMatch(/Ensuring node image/);
      expect(create.output).toMatch(/failed to pull image/);

      const [patch = ""] = parse(config).containerdConfigPatches;
      await machine.must(startNode(patch));
      expect((await machine.must("kind get nodes")).stdout).toBe("kind-control-plane\n");
      await machine.must(guide.take("kind get nodes"));
      const inNode = `docker exec kind-control-plane /opt/cri-pull`;
      if (!hasProgram("cri-pull")) return;
      for (const image of images) {
        const forget = `${inNode} -remove ${socket} ${image}`;
        await reader.pullsFromDisk(`${inNode} ${socket} ${image}`, forget);
      }
    },
  );

  it("has no other command", () => {
    expect(reader.guide.left()).toEqual([]);
  });
});
