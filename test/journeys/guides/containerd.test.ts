import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasProgram } from "../support/journey.ts";
import { canBoot } from "../support/machine.ts";
import { Reader } from "../support/reader.ts";

const images = ["docker.io/library/alpine:3.20", "ghcr.io/owner/app:1", "quay.io/acme/thing:1"];
const socket = "/run/containerd/containerd.sock";

describe.skipIf(!canBoot())("containerd.md", () => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await Reader.begin("containerd.md");
    await reader.machine.must("systemctl start containerd");
  });
  afterAll(() => reader?.end());

  it("the script writes the files that are shown", async () => {
    const { guide, machine } = reader;
    await machine.must(guide.take("/setup/containerd | bash"));
    for (const name of ["docker.io", "_default"]) {
      const path = `/etc/containerd/certs.d/${name}/hosts.toml`;
      const { stdout } = await machine.must(`cat ${path}`);
      for (const line of guide.file(path).split("\n")) expect(stdout).toContain(line);
    }
  });

  it.each(images)("ctr pulls %s", (image) =>
    reader.pullsFromDisk(
      `ctr images pull --snapshotter native --hosts-dir /etc/containerd/certs.d ${image}`,
      `ctr images remove --sync ${image}`,
    ),
  );

  it.skipIf(!hasProgram("cri-pull"))(
    "what the kubelet asks for, by version 2 of config.toml",
    async () => {
      const { guide, machine } = reader;
      const [version2 = ""] = guide.take("config_path").split("\n\n");
      const file = "/etc/containerd/config.toml";
      await machine.must(`grep -q certs.d ${file} || cat >>${file} <<'END'\n${version2}\nEND`);
      await machine.must(guide.take("systemctl restart containerd"));
      for (const image of images) {
        await reader.pullsFromDisk(
          `cri-pull ${socket} ${image}`,
          `cri-pull -remove ${socket} ${image}`,
        );
      }
    },
  );

  it.skipIf(!hasProgram("cri-pull") || !hasProgram("containerd-2"))(
    "the same of containerd 2, by version 3 of config.toml",
    async () => {
      const { guide, machine } = reader;
      const [, version3 = ""] = guide.take("config_path").split("\n\n");
      const two = "/run/containerd-2/containerd.sock";
      await machine.must(`cat >two.toml <<'END'
version = 3
root = "/var/lib/containerd/2"
state = "/run/containerd-2"
[grpc]
  address = "${two}"
${version3}
END
        systemd-run --unit=containerd-2 --setenv="PATH=$PATH" containerd-2 --config "$PWD/two.toml"
        until ctr --address ${two} version >/dev/null 2>&1; do
          systemctl is-active --quiet containerd-2 || { journalctl --unit=containerd-2; exit 1; }
        done`);
      for (const image of images) {
        await reader.pullsFromDisk(`cri-pull ${two} ${image}`, `cri-pull -remove ${two} ${image}`);
      }
    },
  );

  it("undone, it pulls from the registries themselves", async () => {
    const { guide, machine } = reader;
    await machine.must(guide.take("--undo"));
    expect((await machine.must("ls /etc/containerd/certs.d || true")).stdout).toBe("");
    await reader.pullsElsewhere(`ctr images pull --snapshotter native ${images[1]}`);
  });

  it("has no other command", () => {
    expect(reader.guide.left()).toEqual([]);
  });
});
