import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { hasProgram } from "../journeys/support/journey.ts";
import { canBoot, Machine } from "../journeys/support/machine.ts";
import { minimalDebian, ownAuthorities } from "../journeys/support/minimal-debian.ts";
import { reachOutside, runWell, type Service } from "../journeys/support/program.ts";
import { isUnplugged, plugIn, startWayOut } from "../journeys/support/wire.ts";
import { eventually } from "../support/eventually.ts";

const root = join(import.meta.dirname, "../..");
const limitMs = 1_500_000;
const wire = { name: "ept-pkg", here: "10.83.1.1", there: "10.83.1.2" };
/** npm and Go keep what they fetched there. */
const env = { HOME: process.env.HOME ?? "/root", ...reachOutside() };
const isTried = canBoot() && ["mmdebstrap", "tinyproxy", "dpkg-deb"].every(hasProgram);

/** Everything that a machine has, less what programs write into logs and lists of their own. */
const everything = `find / -xdev ! -path '/proc/*' ! -path '/sys/*' ! -path '/run/*' ! -path '/tmp/*' \\
  ! -path '/dev/*' ! -path '/shared*' ! -path '/var/log/*' ! -path '/var/cache/*' ! -path '/var/lib/apt/*' \\
  ! -path '/var/lib/dpkg/*' ! -path '/var/lib/systemd/*' ! -path '/etc/*-' \\
  ! -path '/var/tmp/systemd-private-*' ! -path '/etc/ld.so.cache' \\
  -printf '%p %y %m %u %l\\n' | sort; dpkg --get-selections; sort /etc/passwd /etc/group`;

describe.skipIf(!isTried)("the Debian package, on a Debian that has next to nothing", () => {
  let running: Machine | undefined;
  let folder = "";
  let proxy: Service | undefined;
  let wayOut = "";
  let shared = "";
  const packages: Record<string, string> = {};
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "entrepot-packages-"));
    const out = await startWayOut(folder, wire);
    proxy = out.service;
    wayOut = out.url;
    await runWell("scripts/release", ["--quick", "amd64"], { cwd: root, limitMs, env });
    shared = join(folder, "shared");
    await mkdir(shared);
    for (const kind of ["now", "next", "dynamic"]) packages[kind] = await packageOf(kind);
    await runWell("cp", [join(root, "scripts/install.sh"), shared]);
  });
  afterEach(() => running?.stop());
  afterAll(async () => {
    await proxy?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** The one just made, one that follows it, and one from before it whose unit has no user of its own. */
  async function packageOf(kind: string): Promise<string> {
    const name = (await readdir(join(root, "release"))).find((one) => one.endsWith(".deb")) ?? "";
    const made = join(root, "release", name);
    const target = join(shared, `entrepot-${kind}.deb`);
    const tree = join(folder, kind);
    await runWell("dpkg-deb", ["--raw-extract", made, tree]);
    const change = async (file: string, from: RegExp, to: string): Promise<void> => {
      const text = await readFile(join(tree, file), "utf8");
      await writeFile(join(tree, file), text.replace(from, to));
    };
    if (kind === "next") await change("DEBIAN/control", /^Version: .*$/m, "Version: 99.0.0");
    if (kind === "dynamic") {
      await change("DEBIAN/control", /^Version: .*$/m, "Version: 0.0.1");
      await change("usr/lib/systemd/system/entrepot.service", /^User=.*$/m, "DynamicUser=yes");
      await change("usr/lib/systemd/system/entrepot.service", /^Group=.*$/m, "");
      await change("DEBIAN/postinst", /^if \[ ! -d "\$data" \](?:.|\n)*?^fi$/m, "");
    }
    await runWell("dpkg-deb", ["-Znone", "--root-owner-group", "--build", tree, target]);
    return `/shared/entrepot-${kind}.deb`;
  }

  async function boot(): Promise<Machine> {
    const apt = `Acquire::http::Proxy "${wayOut}";\nAcquire::https::Proxy "${wayOut}";\n`;
    const files = { ...(await ownAuthorities()), "/etc/apt/apt.conf.d/99-way-out": apt };
    await eventually(() => isUnplugged(wire));
    const machine = await Machine.boot(await mkdtemp(join(folder, "m-")), files, {
      ...{ tree: await minimalDebian(), wire: wire.name },
      shared: { from: shared, at: "/shared" },
    });
    running = machine;
    await plugIn(wire);
    await machine.must(`ip address add ${wire.there}/24 dev host0; ip link set host0 up
      apt-get update -qq`);
    return machine;
  }

  const install = (machine: Machine, kind: string) =>
    machine.must(
      `DEBIAN_FRONTEND=noninteractive apt-get install -y -qq ${packages[kind]}`,
      limitMs,
    );
  const fingerprint = "DATA_DIR=/var/lib/entrepot entrepot ca fingerprint";
  const isActive = "systemctl is-active entrepot";

  it("installs, upgrades while it is asked, keeps everything when removed, and purges all of it", async () => {
    const machine = await boot();
    const before = await machine.must(everything);
    await install(machine, "now");
    expect((await machine.must(isActive)).stdout).toBe("active\n");
    const build = JSON.parse((await machine.must("entrepot --version --json")).stdout);
    expect(build.build).toBe("single executable, linux-x64");
    await machine.must(`zcat /usr/share/man/man1/entrepot.1.gz | grep -q '^.TH'
      bash -n /usr/share/bash-completion/completions/entrepot
      test -s /usr/share/zsh/vendor-completions/_entrepot
      test -s /usr/share/fish/vendor_completions.d/entrepot.fish`);
    const authority = (await machine.must(fingerprint)).stdout;

    const asking = new Asking();
    await install(machine, "next");
    const answers = await asking.end();
    expect(new Set(answers)).toEqual(new Set([200]));
    expect((await machine.must(fingerprint)).stdout).toBe(authority);

    await machine.must("apt-get remove -y -qq entrepot");
    expect((await machine.run(isActive)).stdout).not.toBe("active\n");
    await machine.must("test -s /var/lib/entrepot/ca/ca.key; test -s /etc/entrepot/entrepot.env");
    await install(machine, "next");
    expect((await machine.must(fingerprint)).stdout).toBe(authority);

    await machine.must("apt-get purge -y -qq entrepot; apt-get autoremove --purge -y -qq");
    const left = newLines(before.stdout, (await machine.must(everything)).stdout);
    // The user stays, since files may be its own.
    expect(left.filter((line) => !/^entrepot:/.test(line))).toEqual([]);
  });

  it("takes over the data of a unit with DynamicUser", async () => {
    const machine = await boot();
    await install(machine, "dynamic");
    expect((await machine.must("readlink /var/lib/entrepot")).stdout).toBe("private/entrepot\n");
    const authority = (await machine.must(fingerprint)).stdout;
    await install(machine, "now");
    expect((await machine.must(isActive)).stdout).toBe("active\n");
    expect((await machine.must(fingerprint)).stdout).toBe(authority);
    const owner = await machine.must("stat -c %U /var/lib/entrepot/ca/ca.key");
    expect(owner.stdout).toBe("entrepot\n");
    await machine.must("apt-get purge -y -qq entrepot");
    await machine.must("! test -e /var/lib/entrepot; ! test -e /var/lib/private/entrepot");
  });

  it("keeps what was pushed when it is purged, and says how it goes", async () => {
    const machine = await boot();
    await install(machine, "now");
    await machine.must(`echo HOSTED_HOSTS=registry.lan >> /etc/entrepot/entrepot.env
      systemctl restart entrepot`);
    const { output } = await machine.must("apt-get purge -y -qq entrepot");
    expect(output).toContain("to remove them too: rm -r /var/lib/entrepot");
    await machine.must("test -s /var/lib/entrepot/hosted.sqlite; ! test -e /etc/entrepot");
  });

  it("warns of a socket for port 80 that nothing is ordered with", async () => {
    const machine = await boot();
    await install(machine, "now");
    await machine.must(`systemctl stop entrepot
      systemctl start entrepot-http.socket entrepot`);
    const { stdout } = await machine.must("journalctl -u entrepot -o cat");
    expect(stdout).toContain("systemctl disable --now entrepot-http.socket");
  });

  it("comes by scripts/install.sh, twice the same, and leaves nothing when that is undone", async () => {
    const machine = await boot();
    const before = await machine.must(everything);
    const script = `bash /shared/install.sh ${packages.now}`;
    expect((await machine.must(script, limitMs)).stdout).toContain("listens on port 3128");
    const installed = await machine.must(everything);
    const again = await machine.must(script);
    expect(again.stdout).toContain("is installed");
    expect(newLines(installed.stdout, (await machine.must(everything)).stdout)).toEqual([]);
    await machine.must("bash /shared/install.sh --uninstall", limitMs);
    const after = await machine.must(everything);
    expect(newLines(before.stdout, after.stdout)).toEqual([]);
    expect(newLines(after.stdout, before.stdout)).toEqual([]);
  });
});

function newLines(before: string, after: string): string[] {
  const known = new Set(before.split("\n"));
  return after.split("\n").filter((line) => !known.has(line));
}

/** Somebody who asks, one time after the other, until told to stop. */
class Asking {
  readonly #answers: (number | string)[] = [];
  readonly #done: Promise<void>;
  #isOver = false;

  constructor() {
    this.#done = this.#ask();
  }

  async end(): Promise<readonly (number | string)[]> {
    this.#isOver = true;
    await this.#done;
    expect(this.#answers.length).toBeGreaterThan(20);
    return this.#answers;
  }

  async #ask(): Promise<void> {
    while (!this.#isOver) this.#answers.push(await answerOf());
  }
}

function answerOf(): Promise<number | string> {
  return new Promise((resolve) => {
    const asked = request({ host: wire.there, port: 3128, path: "/healthz", agent: false });
    asked.on("error", (error) => resolve(error.message));
    asked.on("response", (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
    });
    asked.end();
  });
}
