import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Entrepot } from "./support/entrepot.ts";
import { Journey } from "./support/journey.ts";
import { canBoot, type Machine } from "./support/machine.ts";
import type { Run } from "./support/program.ts";

const at = "http://mirror.example.com:3128";
const image = "docker.io/library/alpine:3.20";
const dropIns = "/etc/systemd/system/docker.service.d";
const ca = "/usr/local/share/ca-certificates/entrepot.crt";
const toml = "/etc/containerd/config.toml";
const configPath = `[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"`;
const javaHook = "/etc/ca-certificates/update.d/jks-keystore";
/** Another Java than the system's, with a file of its own. */
const ownJava = "/usr/lib/jvm/own";

describe.skipIf(!canBoot())("a client that is set up from the front page", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  let machine: Machine;
  beforeAll(async () => {
    journey = await Journey.begin();
    entrepot = await journey.entrepotOfGuides();
    // As it is now: names that are played elsewhere come and go.
    machine = await journey.machine({ "/etc/hosts": await readFile("/etc/hosts", "utf8") });
    // What takes each change of trust to Java is slow, and waits for its own test. There may be more Javas here.
    await machine.must(`systemctl start docker containerd
      mv ${javaHook} /root/
      chmod a-x /usr/lib/jvm/*/bin/keytool
      chmod a+x "$(readlink -f /usr/bin/keytool)"
      mkdir -p ${ownJava}/bin ${ownJava}/lib/security
      ln -s "$(readlink -f /usr/bin/keytool)" ${ownJava}/bin/keytool
      cp -L /etc/ssl/certs/java/cacerts ${ownJava}/lib/security/cacerts`);
  });
  afterAll(() => journey?.end());

  const setUp = (name: string, options = ""): Promise<Run> =>
    machine.must(`curl -fsS ${at}/setup/${name} | bash -s -- ${options}`);
  const check = (options = `--image ${image}`): Promise<Run> =>
    machine.run(`curl -fsS ${at}/setup/check | bash -s -- ${options}`);
  /** What it says of each Java. */
  const javas = async (): Promise<string[]> =>
    (await check("--no-pull")).stdout.split("\n").filter((line) => line.includes("Java"));
  const restart = (engine: string): Promise<Run> =>
    machine.must(`systemctl daemon-reload; systemctl restart ${engine}`);

  /** Every file and link that a set-up may touch, with what is in it. */
  async function files(): Promise<string[]> {
    const { stdout } = await machine.must(`
      folders="/etc /usr/local/share /usr/share/ca-certificates ${ownJava}"
      find $folders -type f -exec sha256sum {} +
      find $folders -type l -printf '%p -> %l\\n'
      find /var/lib -maxdepth 1 -name 'entrepot*'`);
    return stdout.split("\n").sort();
  }

  it("each set-up that is undone leaves every file byte for byte", async () => {
    // What does not run has no restart to wait for.
    await machine.must(`systemctl stop docker.socket docker
      printf '{"log-level":"warn"}' >/etc/docker/daemon.json`);
    const before = await files();
    for (const name of ["docker", "docker-mirror", "containerd", "podman", "k3s", "buildkit"]) {
      await setUp(name);
      expect(await files(), name).not.toEqual(before);
      await setUp(name, "--undo");
      expect(await files(), name).toEqual(before);
    }
  });

  it("the CA is trusted once somebody has said yes to its fingerprint, by Java too", async () => {
    const { stdout: shown } = await machine.must(
      `curl -fsS ${at}/setup/trust -o trust.sh; openssl x509 -noout -fingerprint -sha256 -in trust.sh`,
    );
    const fingerprint = shown.trim().replace(/.*=/, "");
    const before = await files();
    const declined = await machine.type("bash trust.sh", ["n"]);
    expect(declined.output).toContain(fingerprint);
    expect(declined.output).toContain("nothing was changed");
    const other = await machine.run("bash trust.sh --fingerprint=AB:CD");
    expect(other.output).toContain(`the fingerprint of this proxy's CA is ${fingerprint}`);
    const nobody = await machine.run("setsid bash trust.sh </dev/null");
    expect(nobody.output).toContain("no terminal to ask at");
    expect(await files()).toEqual(before);

    await machine.must(`systemctl start docker; mv /root/jks-keystore ${javaHook}`);
    const agreed = await machine.type("bash trust.sh", ["y"]);
    expect(agreed.output.match(/Trust it\?/g)).toHaveLength(1);
    for (const store of ["/etc/ssl/certs/java/cacerts", `${ownJava}/lib/security/cacerts`]) {
      const { stdout } = await machine.must(
        `keytool -list -keystore ${store} -storepass changeit 2>/dev/null`,
      );
      expect(stdout, store).toContain(fingerprint);
    }
    await machine.must(
      `curl -sS --proxy ${at} https://quay.io/v2/ -o /dev/null -w '%{http_code}' | grep 401`,
    );
    expect((await machine.must(`bash trust.sh --fingerprint=${fingerprint}`)).output).toContain(
      "nothing to do",
    );
    expect(await javas()).toEqual([
      "✔ Java trusts that CA by /etc/ssl/certs/java/cacerts",
      `✔ Java trusts that CA by ${ownJava}/lib/security/cacerts`,
    ]);
    await machine.must("bash trust.sh --undo");
    await machine.must(`mv ${javaHook} /root/`);
    expect(await files()).toEqual(before);
  });

  it("finds each Java that does not trust the CA, and what it says mends that", async () => {
    const without = (store: string) =>
      `! Java does not trust that CA by ${store}: what pulls by itself, as Jib does, fails through the proxy`;
    const [systems, own] = ["/etc/ssl/certs/java/cacerts", `${ownJava}/lib/security/cacerts`];
    expect(await javas()).toEqual([systems, own].map(without));
    // As where the system has not told its Java.
    const untold = await machine.run(`curl -fsS ${at}/setup/trust | bash -s -- --yes`);
    expect(untold.code).toBe(1);
    expect(untold.output).toMatch(
      /cacerts does not get it from the system\. By hand:\n.* sudo \S+keytool -importcert .* -keystore \/\S+cacerts\n/,
    );
    expect(await javas()).toEqual([without(systems), `✔ Java trusts that CA by ${own}`]);
    await machine.must(`keytool -delete -alias entrepot -keystore ${own} -storepass changeit
      mv /root/jks-keystore ${javaHook}`);
    const { output } = await check("--no-pull");
    const mend = `curl -fsS ${at}/setup/trust | sudo bash`;
    expect(output).toContain(`${without(own)}\n    ${mend}\n`);
    await machine.must(mend.replace("sudo ", ""));
    expect((await javas()).map((line) => line[0])).toEqual(["✔", "✔"]);
    // Each look at Java takes a second: from here on there is none.
    await machine.must(`mv ${javaHook} /root/; chmod a-x "$(readlink -f /usr/bin/keytool)"`);
  });

  it("says which engines do not come here, and that pulls are hits", async () => {
    const { code, output } = await check();
    expect(code, output).toBe(0);
    expect(output).toContain(`✔ ${at} answers, and is ready`);
    expect(output).toContain(`✔ a second pull of ${image} is a hit`);
    expect(output).toContain(
      `! docker does not come here\n    curl -fsS ${at}/setup/docker | sudo bash`,
    );
    expect(output).toContain("! containerd does not come here by itself");
    expect(output).toContain("! podman does not come here");
  });

  it("all is well", async () => {
    await machine.must(`grep -q certs.d ${toml} || cat >>${toml} <<'END'\n${configPath}\nEND`);
    for (const name of ["docker", "containerd", "podman"]) await setUp(name);
    await restart("containerd");
    const { code, output } = await check();
    expect(code, output).toBe(0);
    expect(output.match(/^[!✘].*/gm)).toBeNull();
    for (const found of [
      "docker comes here as its proxy, and pulls",
      "containerd comes here as its mirror, and gets",
      "podman comes here as its mirror, and pulls",
    ]) {
      expect(output).toContain(`✔ ${found} ${image}`);
    }
    expect((await machine.must("docker images -q; podman images -q; ctr ns ls -q")).stdout).toBe(
      "moby\n",
    );
  });

  it("finds that the system trusts the CA no more, and then that docker runs since before it did", async () => {
    await machine.must(`curl -fsS ${at}/setup/check -o check.sh
      mv ${ca} /root/; update-ca-certificates --fresh; systemctl restart docker`);
    const untrusted = await machine.run(`bash check.sh --image ${image}`);
    await machine.must(`mv /root/entrepot.crt ${ca}; update-ca-certificates`);
    const stale = await machine.run(`bash check.sh --image ${image}`);
    await machine.must("systemctl restart docker");
    expect(untrusted.output).toMatch(
      /✘ docker comes here as its proxy and does not trust the CA: .*\n {4}curl -fsS .*\/setup\/trust/,
    );
    expect(stale.output).toMatch(
      /✘ docker runs since before the CA was trusted: .*\n {4}sudo systemctl restart docker/,
    );
  });

  it.each([
    {
      broken: "an older drop-in wins",
      by: `printf '[Service]\\nEnvironment="HTTPS_PROXY=http://old.lan:3128/"\\n' >${dropIns}/zz.conf
        systemctl daemon-reload; systemctl restart docker`,
      mended: `rm ${dropIns}/zz.conf; systemctl daemon-reload; systemctl restart docker`,
      found:
        /✘ .*zz\.conf wins over .*: docker goes to old\.lan:3128\n {4}sudo rm .*zz\.conf\n {4}sudo systemctl daemon-reload/,
    },
    {
      broken: "docker was not restarted",
      by: `mv ${dropIns}/proxy-entrepot.conf /root/; systemctl daemon-reload; systemctl restart docker
        mv /root/proxy-entrepot.conf ${dropIns}/`,
      mended: "systemctl daemon-reload; systemctl restart docker",
      found: /✘ docker runs since before it was set up\n {4}sudo systemctl daemon-reload/,
    },
    {
      broken: "the CA of an older proxy is trusted still",
      by: `openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj '/CN=DockerMirrorBox CA Root' \\
        -out /usr/local/share/ca-certificates/older.crt 2>/dev/null`,
      mended: "rm /usr/local/share/ca-certificates/older.crt",
      found: /! .*older\.crt is the CA of an older proxy, and trusted still\n {4}sudo rm /,
    },
    {
      broken: "containerd is not told of the folder",
      by: `cp ${toml} /root/; sed -i /config_path/d ${toml}`,
      mended: `cp /root/config.toml ${toml}; systemctl restart containerd`,
      found:
        /✘ containerd is not told of \/etc\/containerd\/certs\.d.*\n {4}in \/etc\/containerd\/config\.toml/,
    },
    {
      broken: "containerd was not restarted",
      by: `touch ${toml}`,
      mended: "systemctl restart containerd",
      found:
        /✘ containerd runs since before .*config\.toml was changed\n {4}sudo systemctl restart containerd/,
    },
    {
      broken: "podman cannot read its settings",
      pull: `--image ${image}`,
      by: "cp /etc/containers/registries.conf.d/50-entrepot.conf /root/; echo '[[registry' >>/etc/containers/registries.conf.d/50-entrepot.conf",
      mended: "cp /root/50-entrepot.conf /etc/containers/registries.conf.d/",
      found: /✘ podman cannot pull .*: .*\S/,
    },
    {
      broken: "the proxy's name has no address",
      by: "cp /etc/hosts /root/; sed -i '/mirror.example.com/d' /etc/hosts",
      mended: "cat /root/hosts >/etc/hosts",
      found:
        /✘ the name of http:\/\/mirror\.example\.com:3128 has no address here\n {4}write it into \/etc\/hosts/,
    },
  ])("finds that $broken", async ({ by, mended, found, pull }) => {
    await machine.must(`curl -fsS ${at}/setup/check -o check.sh`);
    await machine.must("systemctl reset-failed docker containerd");
    await machine.must(by);
    const { output } = await machine.run(`bash check.sh ${pull ?? "--no-pull"}`);
    await machine.must(mended);
    expect(output).toMatch(found);
  });

  it("finds that the proxy is gone", async () => {
    await machine.must(`curl -fsS ${at}/setup/check -o check.sh`);
    await entrepot.stop();
    const { code, output } = await machine.run("bash check.sh --no-pull");
    expect(code).toBe(1);
    expect(output).toMatch(/^✘ nothing answers at .*\n {4}is it running/m);
  });
});
