import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { setupBuildkit } from "../../../src/doors/front-page/setup-buildkit.ts";
import { setupContainerd } from "../../../src/doors/front-page/setup-containerd.ts";
import { setupDocker, setupSystemd } from "../../../src/doors/front-page/setup-docker.ts";
import { setupDockerMirror } from "../../../src/doors/front-page/setup-docker-mirror.ts";
import { setupK3s } from "../../../src/doors/front-page/setup-k3s.ts";
import { setupPodman } from "../../../src/doors/front-page/setup-podman.ts";
import { printScript, type SetupScript } from "../../../src/doors/front-page/setup-script.ts";
import { canonicalRegistry, type RegistryName } from "../../../src/protocol/registry-name.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

const run = promisify(execFile);
const facts = {
  proxy: "cache.lan:3128",
  mirror: "http://cache.lan:3128",
  root: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
  fingerprint: "AB:CD",
  registries: ["docker.io", "ghcr.io", "lab.example:5000"].map(name),
};
const trustStore = "usr/local/share/ca-certificates";
const daemonJson = "etc/docker/daemon.json";
const all = [
  setupDocker,
  setupSystemd,
  setupDockerMirror,
  setupContainerd,
  setupPodman,
  setupK3s,
  setupBuildkit,
];

describe.each(all)("/setup/$name", (script) => {
  it("is sound bash that explains itself", async () => {
    const folder = await image();
    await shell(folder, script, ["-n"], []);
    const { stdout } = await shell(folder, script, [], ["--help"]);
    expect(stdout).toContain(`curl -fsS http://cache.lan:3128/setup/${script.name} | sudo bash`);
    expect(stdout).toContain("--undo");
  });

  it("run twice changes nothing the second time, and --undo leaves no trace", async () => {
    const folder = await image();
    const before = await filesBelow(folder);
    await shell(folder, script);
    const after = await filesBelow(folder);
    expect(after.length).toBeGreaterThan(before.length);
    const again = await shell(folder, script);
    expect(again.stdout).toContain("nothing to do");
    await shell(folder, script, [], ["--undo"]);
    expect(await filesBelow(folder)).toEqual(before);
    expect((await shell(folder, script, [], ["--undo"])).stdout).toContain("nothing to do");
  });

  it("--print shows what it would write and writes nothing", async () => {
    const folder = await image();
    const before = await filesBelow(folder);
    const { stdout } = await shell(folder, script, [], ["--print"]);
    expect(stdout).toContain("cache.lan:3128");
    expect(await filesBelow(folder)).toEqual(before);
  });

  it("refuses an option it does not know", async () => {
    const folder = await image();
    await expect(shell(folder, script, [], ["--uninstall"])).rejects.toThrow(/unknown option/);
  });

  it("cut short on its way does nothing", async () => {
    const folder = await image();
    const before = await filesBelow(folder);
    const whole = printScript(script, facts);
    const half = whole.slice(0, whole.lastIndexOf("main"));
    await bash(half, ["-s", "--", "--root", folder]);
    expect(await filesBelow(folder)).toEqual(before);
  });
});

describe("what the scripts write", () => {
  it("docker: the drop-in with the proxy, and the CA in the trust store", async () => {
    const folder = await image();
    await shell(folder, setupDocker);
    const drop = "etc/systemd/system/docker.service.d/proxy-entrepot.conf";
    expect(await read(folder, drop)).toContain('Environment="HTTPS_PROXY=http://cache.lan:3128"');
    expect(await read(folder, drop)).toMatch(/NO_PROXY=localhost,127\.0\.0\.0\/8,::1/);
    expect(await read(folder, `${trustStore}/entrepot.crt`)).toBe(facts.root);
  });

  it("docker says so where there is no trust store", async () => {
    const folder = await temporaryFolder();
    await expect(shell(folder, setupDocker)).rejects.toThrow(/ca-certificates/);
  });

  it.each([
    ["nothing", undefined, { "registry-mirrors": [facts.mirror] }],
    ["an empty file", "", { "registry-mirrors": [facts.mirror] }],
    [
      "other settings and another mirror",
      '{"log-level": "warn", "registry-mirrors": ["https://other.example"]}',
      { "log-level": "warn", "registry-mirrors": [facts.mirror, "https://other.example"] },
    ],
  ])("docker-mirror: merges with %s", async (_what, before, after) => {
    const folder = await image();
    if (before !== undefined) await write(folder, daemonJson, before);
    await shell(folder, setupDockerMirror);
    expect(JSON.parse(await read(folder, daemonJson))).toEqual(after);
    await shell(folder, setupDockerMirror, [], ["--undo"]);
    if (before?.startsWith("{") !== true) return;
    expect(JSON.parse(await read(folder, daemonJson))).toEqual(JSON.parse(before));
  });

  it.each([
    ["jq alone", ["jq"]],
    ["neither python3 nor jq", []],
  ])("docker-mirror: works with %s where there is no file yet", async (_what, tools) => {
    const folder = await image();
    const path = await toolFolder([
      "cat",
      "dirname",
      "mkdir",
      "chmod",
      "mv",
      "grep",
      "rm",
      ...tools,
    ]);
    const args = ["-s", "--", "--root", folder];
    await bash(printScript(setupDockerMirror, facts), args, path);
    expect(JSON.parse(await read(folder, daemonJson))).toEqual({
      "registry-mirrors": [facts.mirror],
    });
  });

  it("docker-mirror: leaves a broken daemon.json alone", async () => {
    const folder = await image();
    await write(folder, daemonJson, "{ broken");
    await expect(shell(folder, setupDockerMirror)).rejects.toThrow(/not valid JSON/);
    expect(await read(folder, daemonJson)).toBe("{ broken");
  });

  it("containerd: a folder per registry and one for all others", async () => {
    const folder = await image();
    const { stdout } = await shell(folder, setupContainerd);
    const certs = "etc/containerd/certs.d";
    expect(await read(folder, `${certs}/docker.io/hosts.toml`)).toBe(
      '# Written by entrepot: /setup/containerd --undo removes it\nserver = "https://registry-1.docker.io"\n[host."http://cache.lan:3128"]\n  capabilities = ["pull", "resolve"]\n',
    );
    expect(await read(folder, `${certs}/lab.example:5000/hosts.toml`)).toContain(
      'server = "https://lab.example:5000"',
    );
    expect(await read(folder, `${certs}/_default/hosts.toml`)).not.toContain("server");
    expect(stdout).toContain("config_path");
  });

  it.each([
    ["containerd", setupContainerd, "etc/containerd/certs.d/ghcr.io/hosts.toml"],
    ["k3s", setupK3s, "etc/rancher/k3s/registries.yaml"],
    ["buildkit", setupBuildkit, "etc/buildkit/buildkitd.toml"],
  ])("%s: somebody else's file is kept, and what to add is shown", async (_what, script, path) => {
    const folder = await image();
    await write(folder, path, "# mine\n");
    await expect(shell(folder, script)).rejects.toThrow(/cache\.lan:3128[\s\S]*not ours/);
    expect(await read(folder, path)).toBe("# mine\n");
    await shell(folder, script, [], ["--undo"]);
    expect(await read(folder, path)).toBe("# mine\n");
  });

  it("podman, k3s and buildkit: their own forms", async () => {
    const folder = await image();
    await shell(folder, setupPodman);
    expect(await read(folder, "etc/containers/registries.conf.d/50-entrepot.conf")).toContain(
      'location = "cache.lan:3128/ghcr.io"\ninsecure = true\n',
    );
    await shell(folder, setupK3s);
    expect(await read(folder, "etc/rancher/k3s/registries.yaml")).toContain(
      '  "ghcr.io":\n    endpoint:\n      - "http://cache.lan:3128"\n',
    );
    await shell(folder, setupBuildkit);
    expect(await read(folder, "etc/buildkit/buildkitd.toml")).toContain(
      '[registry."cache.lan:3128"]\n  http = true\n',
    );
  });
});

/** An image's root folder, as `--root` takes it. */
async function image(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, trustStore), { recursive: true });
  return folder;
}

function shell(folder: string, script: SetupScript, flags: string[] = [], options: string[] = []) {
  return bash(printScript(script, facts), [...flags, "-s", "--", "--root", folder, ...options]);
}

function bash(script: string, args: readonly string[], path = process.env.PATH ?? "") {
  const child = run("/bin/bash", [...args], { env: { PATH: path } });
  child.child.stdin?.end(script);
  return child;
}

async function toolFolder(tools: readonly string[]): Promise<string> {
  const folder = await temporaryFolder();
  for (const tool of tools) {
    const { stdout } = await run("/bin/bash", ["-c", `type -P ${tool}`]);
    await run("ln", ["-s", stdout.trim(), join(folder, tool)]);
  }
  return folder;
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function write(folder: string, path: string, content: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

function read(folder: string, path: string): Promise<string> {
  return readFile(join(folder, path), "utf8");
}

function name(text: string): RegistryName {
  const canonical = canonicalRegistry(text);
  if (canonical === undefined) throw new TypeError(text);
  return canonical;
}
