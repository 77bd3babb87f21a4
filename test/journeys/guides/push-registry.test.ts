import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runEntrepot } from "../support/entrepot.ts";
import { Guide } from "../support/guide.ts";
import { canBoot } from "../support/machine.ts";
import { runWell } from "../support/program.ts";
import { Reader } from "../support/reader.ts";

const proxy = "http://mirror.example.com:3128";
const forget = "docker images --quiet | sort -u | xargs --no-run-if-empty docker rmi --force";
const image = "docker-registry.local/team/app:1.0";

describe.skipIf(!canBoot())("push-registry.md", () => {
  let reader: Reader;
  let htpasswd = "";
  beforeAll(async () => {
    const guide = await Guide.open("push-registry.md");
    reader = await Reader.begin("push-registry.md", {
      env: async (journey) => {
        htpasswd = join(journey.folder, "htpasswd");
        const written = guide.take("htpasswd -nbB").replace("/etc/entrepot/htpasswd", htpasswd);
        await runWell("sh", ["-c", written]);
        const shown = guide.settings("HOSTED_HOSTS=docker-registry.local");
        return { ...shown, HOSTED_HTPASSWD: htpasswd };
      },
    });
    reader.guide.take("htpasswd -nbB");
    reader.guide.take("HOSTED_HOSTS=docker-registry.local");
    await reader.machine.must("systemctl start docker");
  });
  afterAll(() => reader?.end());

  it("behind the proxy docker logs in, pushes and pulls again, and skopeo deletes", async () => {
    const { guide, machine } = reader;
    await machine.must((await Guide.open("docker.md")).take("/setup/docker -o"));
    const [login = "", push = ""] = guide.take("docker push docker-registry.local").split("\n");
    await machine.must(`docker pull alpine:3.20 && docker tag alpine:3.20 ${image}`);
    expect((await machine.run(push)).code, "without a login").not.toBe(0);
    const done = await machine.type(login, ["alice", "her password"]);
    expect(done.output).toContain("Login Succeeded");
    await machine.must(push);
    await machine.must(`${forget}; docker pull ${image}`);
    await machine.must(`export HTTPS_PROXY=${proxy}; ${guide.take("skopeo delete")}`);
    await machine.must(forget);
    expect((await machine.run(`docker pull ${image}`)).code, "deleted").not.toBe(0);
  });

  it("an image is removed and its room freed, and the others still pull", async () => {
    const { guide, machine, journey, entrepot } = reader;
    const other = "docker-registry.local/team/app:2.0";
    await machine.must(`docker pull alpine:3.20 && docker tag alpine:3.20 ${image}`);
    await machine.must(`docker pull busybox:1.36 && docker tag busybox:1.36 ${other}`);
    await machine.type("docker login docker-registry.local", ["alice", "her password"]);
    await machine.must(`docker push ${image} && docker push ${other}`);
    const here = async (command: string) => {
      const [, ...args] = command.split(" ");
      const env = { DATA_DIR: entrepot.dataDir };
      const { code, output } = await runEntrepot(journey.folder, env, args);
      expect([command, code, output]).toEqual([command, 0, output]);
      return output;
    };
    expect(await here(guide.take("entrepot images rm"))).toContain(`removed ${image} (tag 1.0)`);
    const [dry = "", collect = ""] = guide.take("entrepot gc").split("\n");
    expect(await here(dry)).toContain("would free");
    expect(await here(collect)).toContain("freed");
    expect(await here(guide.take("--untagged-after 7d"))).toContain("freed");
    expect((await machine.run(`docker pull ${image}`)).code, "removed").not.toBe(0);
    await machine.must(`${forget}; docker pull ${other}`);
  });

  it("on this machine docker pushes plainly to localhost", async () => {
    const { guide, machine, journey } = reader;
    const local = { HOST: "127.0.0.1", PORT: "3128", HOSTED_ANONYMOUS_PUSH: "true" };
    const here = await journey.entrepot({ ...local, HOSTED_HOSTS: "localhost:3128" }, "here");
    const push = guide.take("docker push localhost:3128/team/app:1.0");
    await machine.must(`docker pull alpine:3.20
      docker tag alpine:3.20 localhost:3128/team/app:1.0
      ${push}`);
    await here.stop();
  });

  it("the rules that are shown are rules", async () => {
    const folder = join(reader.journey.folder, "rules");
    await mkdir(folder, { recursive: true });
    const file = join(folder, "entrepot.yaml");
    const [who, keep] = ["immutable:", "untagged: 7 d"].map((words) => reader.guide.take(words));
    await writeFile(file, `${who}\n${keep?.replace("hosted_rules:\n", "")}\n`);
    const env = { CONFIG_FILE: file, HOSTED_HOSTS: "docker-registry.local" };
    const checked = await runEntrepot(folder, { ...env, HOSTED_HTPASSWD: htpasswd }, [
      ...["config", "check"],
    ]);
    expect([checked.code, checked.output]).toEqual([0, expect.stringContaining("fine")]);
  });

  it("a backup is taken while it serves, and becomes another server's folder", async () => {
    const { guide, machine, journey, entrepot } = reader;
    await machine.must(`docker pull alpine:3.20 && docker tag alpine:3.20 ${image}`);
    await machine.type("docker login docker-registry.local", ["alice", "her password"]);
    await machine.must(`docker push ${image}`);
    const folder = join(journey.folder, "restored");
    const { code, output } = await typed(guide.take("entrepot backup"), entrepot.dataDir);
    expect([code, output]).toEqual([0, expect.stringContaining("backed up 2 images, ")]);
    const [, restore = ""] = guide.take("entrepot restore").split("\n");
    expect(await typed(restore, join(folder, "data"))).toMatchObject({ code: 0 });
    const settings = { HOSTED_HOSTS: "docker-registry.local", HOSTED_ANONYMOUS_PULL: "true" };
    const other = await journey.entrepot(settings, "restored");
    const digest = ["digest", "docker-registry.local/team/app:1.0"];
    const env = { HTTPS_PROXY: other.proxy, SSL_CERT_FILE: other.trust, HOME: folder };
    await runWell("crane", digest, { env });
    /** With folders of the journey in place of those it names. */
    function typed(command: string, dataDir: string) {
      const [, ...args] = command
        .replace("/var/lib/entrepot", dataDir)
        .replace("/backup", join(journey.folder, "backup"))
        .split(" ");
      return runEntrepot(journey.folder, {}, args);
    }
  });

  it("has no other command", () => {
    const { guide } = reader;
    expect(guide.left()).toEqual([]);
  });
});
