import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { Guide } from "../support/guide.ts";
import { hasProgram, Journey } from "../support/journey.ts";
import { canBoot, type Machine } from "../support/machine.ts";
import { minimalDebian, ownAuthorities } from "../support/minimal-debian.ts";
import { askEverybody } from "../support/multicast-dns.ts";
import { runWell } from "../support/program.ts";
import { account, ghcr, spare } from "../support/upstream/look-alikes.ts";
import { playPrivateRegistry } from "../support/upstream/private-registry.ts";
import { isUnplugged, plugIn, startWayOut } from "../support/wire.ts";

const clone = join(import.meta.dirname, "../../..");
const limitMs = 1_500_000;
const name = "docker-registry.local";
const wire = { name: "ept-lab", here: "10.83.0.1", there: "10.83.0.2" };
const { here, there } = wire;
/** Whatever Compose, shells and systemd each read in their own way. */
const password = "CANARY-$a\"b'c\\d#e";
const needed = ["mmdebstrap", "tinyproxy", "skopeo", "docker"];
const isPlayed = process.env.HEAVY !== undefined && canBoot() && needed.every(hasProgram);

/** Minutes: Debian's packages, Node and npm's are fetched twice. */
describe.skipIf(!isPlayed)("lab-vm.md", () => {
  let journey: Journey;
  let guide: Guide;
  let lab: Machine;
  let client: Machine;
  let wayOut = "";
  let authority = "";
  beforeAll(async () => {
    guide = await Guide.open("lab-vm.md");
    journey = await Journey.begin();
    const out = await startWayOut(journey.folder, wire);
    journey.atEnd(() => out.service.stop());
    wayOut = out.url;
    const login = `bob:${password}`;
    const played = { host: spare.host, images: ghcr.registry, login };
    authority = await playPrivateRegistry(journey, played);
    await lieBesideVagrantfile(join(journey.folder, "checkout"));
    lab = await vagrantUp();
  });
  afterAll(() => journey?.end());

  /** A clone, and what the set-up before had in its folder. */
  async function lieBesideVagrantfile(folder: string): Promise<void> {
    const parts = ["Vagrantfile", "package.json", "package-lock.json", "scripts", "src", "systemd"];
    for (const part of parts) await cp(join(clone, part), join(folder, part), { recursive: true });
    const pushed = join(inject("parts").images, ghcr.registry, "docker");
    await cp(pushed, join(folder, "registry/docker"), { recursive: true });
    const hub = `auth.docker.io:${account.user}:${account.password}`;
    const env = guide.file(".env").replace(/^AUTH_REGISTRIES=.*$/m, () => {
      return `AUTH_REGISTRIES=${hub} ${spare.host}:bob:${password}\nHTTPS_PROXY=${wayOut}`;
    });
    await writeFile(join(folder, ".env"), `${env}\n`);
    const at = join(folder, "docker_mirror_certs");
    await mkdir(at);
    const openssl = (...args: string[]) =>
      execFileSync("openssl", args, { cwd: at, stdio: "pipe" });
    openssl("genrsa", "-des3", "-passout", "pass:foobar", "-out", "ca.key", "2048");
    const request = ["-key", "ca.key", "-passin", "pass:foobar", "-subj", "/O=ME/CN=ca"];
    openssl("req", "-new", "-x509", "-days", "1300", ...request, "-out", "ca.crt");
  }

  const checkout = (): string => join(journey.folder, "checkout");
  const oldAuthority = (): string => join(checkout(), "docker_mirror_certs/ca.crt");

  async function vagrantUp(): Promise<Machine> {
    const apt = `Acquire::http::Proxy "${wayOut}";\nAcquire::https::Proxy "${wayOut}";\n`;
    const files = {
      ...(await ownAuthorities()),
      "/etc/apt/apt.conf.d/99-way-out": apt,
      "/usr/local/share/ca-certificates/internet.crt": await readFile(authority, "utf8"),
    };
    await eventually(() => isUnplugged(wire));
    const shared = { from: checkout(), at: "/vagrant" };
    const machine = await journey.machine(files, {
      tree: await minimalDebian(),
      shared,
      wire: wire.name,
    });
    await plugIn(wire);
    await machine.must(`ip address add ${there}/24 dev host0; ip link set host0 up`);
    await provision(machine);
    return machine;
  }

  const provision = (machine: Machine) =>
    machine.must(
      `export http_proxy=${wayOut} https_proxy=${wayOut}
      bash /vagrant/scripts/lab-vm.sh provision /vagrant`,
      limitMs,
    );

  const skopeo = (...args: string[]) =>
    runWell("skopeo", args, {
      env: { HTTPS_PROXY: `http://${there}:3128`, SSL_CERT_FILE: oldAuthority() },
    });

  it("is what Vagrant takes", async () => {
    guide.take("vagrant up");
    if (!hasProgram("vagrant")) return;
    await runWell("ruby", ["-c", "Vagrantfile"], { cwd: clone });
    const env = { HOME: journey.folder };
    await runWell("vagrant", ["validate", "--ignore-provider"], { cwd: checkout(), env });
  });

  it("says what it is called, in the machine and to everybody at the wire", async () => {
    expect((await lab.must(guide.take("hostname -f"))).stdout).toContain(`${name}\n${there}`);
    expect(await askEverybody(name, here)).toBe(there);
    expect(await askEverybody("nobody-here.local", here, 2_000)).toBeUndefined();
  });

  it("is a proxy with the logins of .env and the CA that clients trust already", async () => {
    const given = await runWell("curl", ["-fsS", `http://${there}:3128/ca.crt`]);
    expect(given.stdout.trim()).toBe((await readFile(oldAuthority(), "utf8")).trim());
    for (const image of [`${spare.host}/acme/tool:1`, "docker.io/acme/private:1"])
      await skopeo("inspect", `docker://${image}`);
  });

  it("has what was pushed before, on port 443 and behind the proxy, and 3128 is a mirror", async () => {
    await skopeo("inspect", `docker://${name}/acme/tool:1`);
    const at = ["--resolve", `${name}:443:${there}`, "--cacert", oldAuthority()];
    const { stdout } = await runWell("curl", [
      ...["-fsS", ...at, `https://${name}/v2/acme/tool/tags/list`],
    ]);
    expect(JSON.parse(stdout).tags).toContain("1");
    const asked = `http://${there}:3128/v2/library/alpine/tags/list`;
    expect((await runWell("curl", ["-fsS", asked])).stdout).toContain("3.20");
  });

  it("changes nothing when it is provisioned again", async () => {
    const facts = `systemctl show -P MainPID entrepot avahi-daemon
      find / -xdev -type f -newer /run/marker ! -path '/var/log/*' ! -path '/var/lib/entrepot/*' \\
        ! -path '/run/*' ! -path '/var/lib/private/*'`;
    await lab.must("touch /run/marker");
    const before = (await lab.must(facts)).stdout;
    const { stdout } = await provision(lab);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expect((await lab.must(facts)).stdout).toBe(before);
  });

  it("is found by who pastes the script of the set-up before, with mDNS at once, else the second time", async () => {
    client = await journey.machine();
    // Services that are installed start, as they do on a machine that is no image being built.
    await client.must(
      `rm -f /usr/sbin/policy-rc.d
      systemctl start docker
      apt-get update -qq
      apt-get install -qq sudo`,
      limitMs,
    );
    await client.must(`cat > pasted <<'END'\n${guide.take("set +e")}\nEND`);
    // Nobody leaves the shells that it opens while apt reads what is typed.
    const typed = "cat pasted; while sleep 3; do pgrep -x apt-get > /dev/null || echo exit; done";
    const terminal = "script --quiet --return --command bash /dev/null";
    const paste = () => client.run(`{ ${typed}; } | ${terminal}`, limitMs);
    const early = await paste();
    expect(early.output).toContain("Could not resolve host: docker-registry.local");
    await client.must(guide.take("libnss-mdns"), limitMs);
    await paste();
    await client.must(guide.take("docker push"), limitMs);
    const file = guide.take("/etc/hosts");
    await client.must(file.replace("192.0.2.10", there));
    await client.must(`curl -fsS http://${name}:3128/healthz`);
  });

  it("takes what is pushed, and loses a tag, an image, and the room they took", async () => {
    await client.must(`docker tag alpine:3.20 ${name}/foo/bar:v2
      docker push ${name}/foo/bar:v2
      docker tag alpine:3.20 ${name}/kept/image:1
      docker push ${name}/kept/image:1`);
    await lab.must(guide.take("foo/bar:v1.2.3.4 --yes"));
    const pull = (tag: string) => client.run(`docker pull ${name}/foo/bar:${tag}`);
    expect((await pull("v1.2.3.4")).code).not.toBe(0);
    expect((await pull("v2")).code).toBe(0);
    await lab.must(guide.take("foo/bar --yes"));
    expect((await pull("v2")).code).not.toBe(0);
    // The other image has the same layers.
    const { stdout } = await lab.must(guide.take("gc --untagged-after 0"));
    expect(stdout).toBe("freed 0 B in 0 blobs\n");
    await client.must(`docker pull ${name}/kept/image:1`);
  });

  it("is destroyed and made again with its CA and what was pushed, not what was deleted", async () => {
    await lab.must(`entrepot images rm ${name}/acme/tool:1 --yes
      bash /opt/entrepot/program/scripts/lab-vm.sh backup /var/tmp/saved.tar`);
    const saved = await lab.must("base64 /var/tmp/saved.tar");
    await mkdir(join(checkout(), ".entrepot"));
    const file = join(checkout(), ".entrepot/backup.tar");
    await writeFile(file, Buffer.from(saved.stdout, "base64"), { mode: 0o600 });
    const secret = "sha256sum /var/lib/entrepot/token.secret";
    const before = (await lab.must(secret)).stdout;
    await lab.stop();
    lab = await vagrantUp();
    expect((await lab.must(secret)).stdout).toBe(before);
    await client.must(`docker rmi --force $(docker images --quiet | sort -u)
      docker pull ${name}/kept/image:1`);
    await expect(skopeo("inspect", `docker://${name}/acme/tool:1`)).rejects.toThrow("unknown");
  });

  it("has no other command", () => {
    expect(guide.left()).toEqual([]);
  });
});
