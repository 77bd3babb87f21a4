import { chmod, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { setupDocker } from "../../../src/doors/front-page/setup-docker.ts";
import { printScript, type SetupScript } from "../../../src/doors/front-page/setup-script.ts";
import {
  bash,
  facts,
  filesBelow,
  image,
  itIsASetupScript,
  onMachine,
  read,
  shell,
  trustStore,
  write,
} from "./script-runner.ts";

itIsASetupScript(setupDocker);

it("docker: the drop-in with the proxy, and the CA in the trust store", async () => {
  const folder = await image();
  await shell(folder, setupDocker);
  const drop = "etc/systemd/system/docker.service.d/proxy-entrepot.conf";
  expect(await read(folder, drop)).toContain('Environment="HTTPS_PROXY=http://cache.lan:3128"');
  expect(await read(folder, drop)).toMatch(/NO_PROXY=localhost,127\.0\.0\.0\/8,::1/);
  expect(await read(folder, `${trustStore}/entrepot.crt`)).toBe(facts.root);
});

it.each([
  ["cache.lan:3128", "cache.lan"],
  ["[fd00::7]:3128", "fd00::7"],
])(
  "docker: an image named by the address of %s is not asked for through it",
  async (proxy, host) => {
    const folder = await image();
    await bash(printScript(setupDocker, { ...facts, proxy }), ["-s", "--", "--root", folder]);
    const drop = "etc/systemd/system/docker.service.d/proxy-entrepot.conf";
    expect(await read(folder, drop)).toContain(`NO_PROXY=localhost,127.0.0.0/8,::1,${host}"`);
  },
);

it.each([
  ['{"proxies": {"http-proxy": "http://old.lan:8080"}}', true],
  ['{"log-level": "warn"}', false],
])("docker: says what in daemon.json wins over a drop-in: %s", async (content, isTold) => {
  const folder = await image();
  await write(folder, "etc/docker/daemon.json", content);
  const { stdout } = await shell(folder, setupDocker);
  const sentence = '"proxies" in /etc/docker/daemon.json wins over this';
  expect(stdout.includes(sentence)).toBe(isTold);
});

it("docker: the recipe for kind's nodes gives containerd the drop-in and restarts it", async () => {
  const machine = await machineWithDocker();
  const forContainerd: SetupScript = {
    ...setupDocker,
    body: (its) => setupDocker.body(its).replaceAll("docker.service", "containerd.service"),
  };
  await onMachine(machine.folder, forContainerd);
  const drop = "etc/systemd/system/containerd.service.d/proxy-entrepot.conf";
  expect(await read(machine.folder, drop)).toContain("HTTPS_PROXY=http://cache.lan:3128");
  expect(await machine.done()).toContain("systemctl restart containerd.service");
  expect(await machine.done()).not.toContain("docker");
});

describe("work that a run has left undone is done by the next", () => {
  it("dockerd is restarted after a run with --no-restart", async () => {
    const machine = await machineWithDocker();
    const first = await onMachine(machine.folder, setupDocker, ["--no-restart"]);
    expect(first.stdout).toContain(
      "docker.service was left alone: run this again without --no-restart",
    );
    expect(await machine.done()).not.toContain("systemctl restart docker");
    const second = await onMachine(machine.folder, setupDocker);
    expect(second.stdout).not.toContain("nothing to do");
    expect(await machine.done()).toContain("systemctl restart docker");
    expect((await onMachine(machine.folder, setupDocker)).stdout).toContain("nothing to do");
  });

  it("the trust store is updated after that has failed", async () => {
    const machine = await machineWithDocker();
    await write(machine.folder, "broken", "");
    await expect(onMachine(machine.folder, setupDocker)).rejects.toThrow(
      /run this again once it can/,
    );
    expect(await machine.done()).not.toContain("systemctl restart docker");
    await machine.repair();
    const second = await onMachine(machine.folder, setupDocker);
    expect(second.stdout).toContain("updated the system's trust store");
    expect(await machine.done()).toContain("systemctl restart docker");
    expect((await onMachine(machine.folder, setupDocker)).stdout).toContain("nothing to do");
  });

  it("and --undo leaves no trace of it", async () => {
    const machine = await machineWithDocker();
    const before = await filesBelow(machine.folder);
    await onMachine(machine.folder, setupDocker, ["--no-restart"]);
    await onMachine(machine.folder, setupDocker, ["--undo"]);
    expect((await filesBelow(machine.folder)).filter((path) => !path.endsWith("/done"))).toEqual(
      before,
    );
  });
});

/** A machine whose commands write down what they were asked to do; updating trust fails while there is `broken`. */
async function machineWithDocker() {
  const folder = await image();
  for (const [name, rest] of [
    ["systemctl", ""],
    ["update-ca-certificates", `[ ! -e ${folder}/broken ]`],
  ]) {
    await write(folder, `bin/${name}`, `#!/bin/sh\necho ${name} "$@" >>${folder}/done\n${rest}\n`);
    await chmod(join(folder, `bin/${name}`), 0o755);
  }
  await mkdir(join(folder, "run/systemd/system"), { recursive: true });
  await mkdir(join(folder, "var/lib"), { recursive: true });
  const done = () => read(folder, "done");
  const repair = () => rm(join(folder, "broken"));
  return { folder, done, repair };
}
