/** What docker-registry-proxy's script, or somebody by hand, has left on a client that Entrepot's is run on. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { setupDocker } from "../../../src/doors/front-page/setup-docker.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { facts, filesBelow, image, read, shell, write } from "./script-runner.ts";

const folder = "etc/systemd/system/docker.service.d";
const older = `[Service]
Environment="HTTP_PROXY=http://old.lan:3128/"
Environment="HTTPS_PROXY=http://old.lan:3128/"
`;
const olderCa = "usr/share/ca-certificates/docker_registry_proxy.crt";

type Ended = { readonly code?: number; readonly stdout: string; readonly stderr: string };

/** What it said, however it ended. */
function said(client: string, options: string[] = []): Promise<Ended> {
  return shell(client, setupDocker, [], options).catch((error: Ended) => error);
}

/** A client on which docker-registry-proxy's script was run. */
async function clientOfOlder(): Promise<string> {
  const client = await image();
  await write(client, `${folder}/http-proxy.conf`, older);
  await write(client, olderCa, makeAuthority("DockerMirrorBox CA Root").ca);
  await write(client, "etc/ca-certificates.conf", "mozilla/A.crt\ndocker_registry_proxy.crt\n");
  return client;
}

function isThere(client: string, path: string): Promise<boolean> {
  return access(join(client, path)).then(
    () => true,
    () => false,
  );
}

describe("set up on a client of docker-registry-proxy", () => {
  it("it names the older drop-in and the older CA, with the lines that remove them", async () => {
    const client = await clientOfOlder();
    const { code, stdout } = await said(client);
    expect(code).toBeUndefined();
    expect(stdout).toContain(
      "http-proxy.conf names another proxy, old.lan:3128; it counts no more",
    );
    for (const line of [
      `sudo rm /${folder}/http-proxy.conf`,
      "sudo systemctl daemon-reload",
      `sudo rm /${olderCa}`,
      "sudo sed -i '/^docker_registry_proxy.crt$/d' /etc/ca-certificates.conf",
      "sudo update-ca-certificates --fresh",
    ]) {
      expect(stdout).toContain(`\n  ${line}\n`);
    }
    expect(await read(client, `${folder}/http-proxy.conf`)).toBe(older);
  });

  it("undone, it does not leave dockerd at the older proxy", async () => {
    const client = await clientOfOlder();
    await said(client);
    const { code, stdout } = await said(client, ["--undo"]);
    expect(code).toBeUndefined();
    expect(await isThere(client, `${folder}/http-proxy.conf`)).toBe(false);
    expect(await read(client, `${folder}/http-proxy.conf.off`)).toBe(older);
    expect(stdout).toContain(`/${folder}/http-proxy.conf.off`);
    expect(stdout).toContain(`sudo rm /${olderCa}`);
  });

  it("a drop-in for this very address goes with ours when it is undone", async () => {
    const client = await image();
    await write(client, `${folder}/http-proxy.conf`, older.replaceAll("old.lan", "cache.lan"));
    expect((await said(client)).stdout).not.toContain("http-proxy.conf");
    await said(client, ["--undo"]);
    expect(await isThere(client, `${folder}/http-proxy.conf`)).toBe(false);
  });

  it("its CA, if Entrepot has taken that over, is no older one", async () => {
    const client = await clientOfOlder();
    await write(client, olderCa, facts.root);
    expect((await said(client)).stdout).not.toContain("CA of an older proxy");
  });

  it("undone where it never was set up, it touches nothing", async () => {
    const client = await clientOfOlder();
    const before = await filesBelow(client);
    expect((await said(client, ["--undo"])).stdout).toContain("nothing to do");
    expect(await filesBelow(client)).toEqual(before);
  });
});

describe("a drop-in that wins over ours", () => {
  it.each([
    ["sorts after it", `${folder}/zz-proxy.conf`, older, `sudo rm /${folder}/zz-proxy.conf`],
    [
      "has more than a proxy",
      `${folder}/zz.conf`,
      `${older}TimeoutSec=1\n`,
      `sudo sed -i '/HTTPS*_PROXY=/Id' /${folder}/zz.conf`,
    ],
    [
      "comes with a package",
      "usr/lib/systemd/system/docker.service.d/zz.conf",
      older,
      "sudo ln -s /dev/null /etc/systemd/system/docker.service.d/zz.conf",
    ],
    [
      "sets the proxy to nothing",
      `${folder}/zz.conf`,
      '[Service]\nEnvironment="HTTPS_PROXY="\n',
      `sudo rm /${folder}/zz.conf`,
    ],
  ])("is named, and the script fails, when it %s", async (_what, path, content, line) => {
    const client = await image();
    await write(client, path, content);
    const { code, stderr } = await said(client);
    expect(code).toBe(1);
    expect(stderr).toMatch(/zz(?:-proxy)?\.conf wins over .*proxy-entrepot\.conf/);
    expect(stderr).toContain(`\n  ${line}\n`);
    expect(await read(client, path)).toBe(content);
  });

  it("is a file of variables that the unit reads", async () => {
    const client = await image();
    const unit = "[Service]\nEnvironmentFile=-/etc/default/docker\n";
    await write(client, "usr/lib/systemd/system/docker.service", unit);
    await write(
      client,
      "etc/default/docker",
      "# HTTP_PROXY=no\nHTTPS_PROXY=http://u:p@old.lan:81/\n",
    );
    const { code, stderr } = await said(client);
    expect(code).toBe(1);
    expect(stderr).toContain("/etc/default/docker wins over");
    expect(stderr).toContain("goes to old.lan:81 and not here");
    expect(stderr).toContain("sudo sed -i '/HTTPS*_PROXY=/Id' /etc/default/docker");
  });

  it.each(["# HTTPS_PROXY=http://old.lan:1\n", "[Service]\nEnvironment=NO_PROXY=a.lan\n"])(
    "is none that sets no proxy: %j",
    async (content) => {
      const client = await image();
      await write(client, `${folder}/zz.conf`, content);
      expect((await said(client)).code).toBeUndefined();
    },
  );
});

it("the company's proxy, back in force when ours is undone, stays and is named", async () => {
  const client = await image();
  await write(client, `${folder}/http-proxy.conf`, older.replaceAll("old.lan", "corp.example"));
  await said(client);
  const { code, stderr } = await said(client, ["--undo"]);
  expect(code).toBe(1);
  expect(stderr).toContain("docker.service goes to corp.example:3128");
  expect(stderr).toContain(`sudo rm /${folder}/http-proxy.conf`);
  expect(await isThere(client, `${folder}/http-proxy.conf`)).toBe(true);
});
