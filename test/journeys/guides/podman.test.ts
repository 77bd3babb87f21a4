import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canBoot } from "../support/machine.ts";
import { Reader } from "../support/reader.ts";

const file = "/etc/containers/registries.conf.d/50-entrepot.conf";
const forget = "podman rmi --all --force";

describe.skipIf(!canBoot())("podman.md", () => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await Reader.begin("podman.md");
  });
  afterAll(() => reader?.end());

  it("the script writes the file that is shown", async () => {
    const { guide, machine } = reader;
    await machine.must(guide.take("/setup/podman | bash"));
    const { stdout } = await machine.must(`cat ${file}`);
    expect(stdout).toContain(guide.file(file));
  });

  it.each(["docker.io/library/alpine:3.20", "ghcr.io/owner/app:1", "quay.io/acme/thing:1"])(
    "podman, buildah and skopeo pull %s",
    async (image) => {
      await reader.pullsFromDisk(`podman pull ${image}`, forget);
      await reader.pullsFromDisk(`buildah pull ${image}`, "buildah rmi --all --force");
      await reader.pullsFromDisk(`skopeo copy docker://${image} dir:image`, "rm -r image");
    },
  );

  it("by the mirror's address, without any configuration", async () => {
    const { guide, machine } = reader;
    await machine.must(guide.take("--undo"));
    expect((await machine.run(`cat ${file}`)).code).not.toBe(0);
    await reader.pullsFromDisk(guide.take("podman pull --tls-verify"), forget);
    await reader.pullsElsewhere("podman pull ghcr.io/owner/app:1");
  });

  it("has no other command", () => {
    expect(reader.guide.left()).toEqual([]);
  });
});
