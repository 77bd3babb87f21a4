import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Guide } from "../support/guide.ts";
import { hasProgram } from "../support/journey.ts";
import { canBoot } from "../support/machine.ts";
import { Reader } from "../support/reader.ts";

const settings = "/etc/buildkit/buildkitd.toml";
const dockerfiles = ["alpine:3.20", "ghcr.io/owner/app:1"].map(
  (image) => `printf 'FROM ${image}\\nCOPY Dockerfile /\\n' >Dockerfile`,
);

/** What is in the image that buildx makes its builders of, as far as this journey needs it. */
const builderImage = `
mkdir -p image/usr/bin image/etc/ssl/certs image/tmp
cp "$(command -v buildkitd)" "$(command -v buildctl)" "$(command -v runc)" image/usr/bin
ldd "$(command -v runc)" | grep -o '/[^ ]*' | xargs cp --parents --dereference --target-directory image
cp /etc/ssl/certs/ca-certificates.crt image/etc/ssl/certs
tar -C image -c . | docker import --change 'ENTRYPOINT ["buildkitd"]' - moby/buildkit:buildx-stable-1
`;

describe.skipIf(!canBoot())("buildkit.md", () => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await Reader.begin("buildkit.md");
  });
  afterAll(() => reader?.end());

  it("the script writes the file that is shown", async () => {
    const { guide, machine } = reader;
    const [setUp = ""] = guide.take("docker buildx create").split("\n");
    await machine.must(setUp);
    const { stdout } = await machine.must(`cat ${settings}`);
    for (const line of guide.file(settings).split("\n")) expect(stdout).toContain(line);
  });

  it.skipIf(!hasProgram("buildkitd"))("buildkitd, as systemd starts it, builds", async () => {
    const { machine } = reader;
    await machine.must(`systemd-run --unit=buildkit --setenv="PATH=$PATH" buildkitd
      until buildctl debug workers >/dev/null 2>&1; do
        systemctl is-active --quiet buildkit || { journalctl --no-pager --unit=buildkit; exit 1; }
      done`);
    const build = "buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=.";
    for (const dockerfile of dockerfiles) {
      await reader.pullsFromDisk(
        `${dockerfile}; ${build} --output type=local,dest=built`,
        "buildctl prune --all",
      );
    }
    await machine.must("systemctl stop buildkit");
  });

  it.skipIf(!hasProgram("buildx"))("docker buildx builds with a builder of its own", async () => {
    const { guide, machine } = reader;
    await machine.must(`mkdir -p .docker/cli-plugins
      ln -sf "$(command -v buildx)" .docker/cli-plugins/docker-buildx
      systemctl start docker
      ${builderImage}`);
    // A network of its own would need names of its own for the hosts of this journey.
    const [, create] = guide.take("docker buildx create").split("\n");
    await machine.run("docker buildx rm cached"); // of a first try
    await machine.must(`${create} --driver-opt network=host`);
    for (const dockerfile of dockerfiles) {
      await reader.pullsFromDisk(
        `${dockerfile}; docker buildx build --builder cached --output type=local,dest=built .`,
        "docker buildx prune --builder cached --all --force",
      );
    }
  });

  it("docker build on the default builder: the old one, and BuildKit within dockerd", async () => {
    const { guide, machine } = reader;
    await machine.must("curl -fsS http://mirror.example.com:3128/setup/docker-mirror | bash");
    await machine.must("systemctl restart docker");
    const build = `${guide.take("docker build")} .`;
    const forget = "docker system prune --all --force; docker builder prune --all --force";
    await reader.pullsFromDisk(`${dockerfiles[0]}; DOCKER_BUILDKIT=0 ${build}`, forget);

    const shown = JSON.parse((await Guide.open("docker.md")).take("insecure-registries"));
    // As Docker 20.10, which is Debian's, wants it.
    const plain = JSON.stringify(shown).replace('s":["mirror', 's":["http://mirror');
    await machine.must(`echo '${plain}' >/etc/docker/daemon.json; systemctl restart docker`);
    await reader.pullsFromDisk(`${dockerfiles[0]}; DOCKER_BUILDKIT=1 ${build}`, forget);
  });

  it("undone, the file is gone", async () => {
    const { guide, machine } = reader;
    await machine.must(guide.take("--undo"));
    expect((await machine.run(`cat ${settings}`)).code).not.toBe(0);
  });

  it("has no other command", () => {
    expect(reader.guide.left()).toEqual([]);
  });
});
