import { X509Certificate } from "node:crypto";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandedClient } from "../journeys/support/clients/client.ts";
import { startPodman } from "../journeys/support/clients/containers-tools.ts";
import { startDocker } from "../journeys/support/clients/docker.ts";
import { Container, type ContainerAsk, pullThrough } from "../journeys/support/containers.ts";
import { hasProgram, Journey } from "../journeys/support/journey.ts";
import { run, runWell } from "../journeys/support/program.ts";
import { account } from "../journeys/support/upstream/look-alikes.ts";
import { makeCertificate } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";

const root = join(import.meta.dirname, "../..");
const tool = "ghcr.io/acme/tool:1";
const nobodys = "65532 65532 65532 65532";

const engines = ["docker", "podman"] as const;

async function made(kind: "amd64" | "arm64", folder: string): Promise<string> {
  const [bundle, executable] = [join(folder, "bundle"), join(folder, `entrepot-${kind}`)];
  const archive = join(folder, `image-${kind}.tar`);
  const limits = { limitMs: 1_200_000, cwd: root };
  await runWell(process.execPath, ["packaging/bundle.mjs", bundle], limits);
  await runWell(process.execPath, ["packaging/sea.mjs", bundle, kind, executable], limits);
  await runWell(process.execPath, ["packaging/image.mjs", executable, kind, archive], limits);
  return archive;
}

/** A program without libraries, as a container without any can run it. */
function helperOf({ user, password }: typeof account): string {
  const answer = JSON.stringify({ Username: user, Secret: password });
  return `package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(${JSON.stringify(answer)}) }\n`;
}

const sizeOf = async (path: string): Promise<number> => (await stat(path)).size;

/** ENTREPOT_IMAGE_ARCHIVE names one that is made already. */
describe.skipIf(!hasProgram("mmdebstrap") || !hasProgram("skopeo"))("the container image", () => {
  let journey: Journey;
  let archive = "";
  const running: Record<string, CommandedClient> = {};
  const containers: Container[] = [];
  const image = "entrepot:0.1.0";

  beforeAll(async () => {
    journey = await Journey.begin();
    archive = process.env.ENTREPOT_IMAGE_ARCHIVE ?? (await made("amd64", journey.folder));
    running.docker = await journey.client((its) => startDocker(its), journey.upstreamCa);
    running.podman = await journey.client(startPodman, journey.upstreamCa);
    for (const engine of engines) {
      const loaded = await running[engine]?.command("load", "--input", archive);
      if (loaded?.code !== 0) throw new Error(loaded?.output);
    }
  });
  afterAll(async () => {
    for (const container of containers) await container.remove();
    await journey?.end();
  });

  const engineOf = (name: string): CommandedClient => {
    const engine = running[name];
    if (engine === undefined) throw new Error(`${name} is not there`);
    return engine;
  };

  function ask({ env = {}, options = [] }: Omit<ContainerAsk, "image">): ContainerAsk {
    const trusted = `--volume=${journey.upstreamCa}:/upstream-ca.pem:ro`;
    const played = { ...journey.settings, UPSTREAM_CA: "/upstream-ca.pem" };
    return { image, env: { ...played, ...env }, options: [trusted, ...options] };
  }

  async function start(name: string, asked: Omit<ContainerAsk, "image">): Promise<Container> {
    const container = await Container.start(engineOf(name), ask(asked));
    containers.push(container);
    return container;
  }

  async function pulls(container: Container): Promise<void> {
    const to = await mkdtemp(join(journey.folder, "pulled-"));
    await pullThrough(`127.0.0.1:${container.port}`, tool, to);
  }

  const folderFor = (name: string): Promise<string> => mkdtemp(join(journey.folder, `${name}-`));

  const fingerprintOf = async ({ port }: Container): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}/ca.crt`);
    return new X509Certificate(await answer.text()).fingerprint256;
  };

  it("is small, packed and unpacked, and says what it is", async () => {
    expect(await sizeOf(archive)).toBeLessThanOrEqual(55e6);
    const said = await engineOf("docker").command("inspect", image);
    const [{ Size, Config }] = JSON.parse(said.stdout);
    expect(Size).toBeLessThanOrEqual(140e6);
    expect(Config.Labels["org.opencontainers.image.revision"]).toMatch(/^[0-9a-f]{40}$/);
    expect(Config.Hostname).toBe("");
  });

  describe.each(engines)("run by %s", (name) => {
    it("takes the folders of docker-registry-proxy's own command line, and is nobody", async () => {
      const at = await folderFor(name);
      const folders = ["docker_mirror_cache", "docker_mirror_certs"].map((one) => join(at, one));
      // Docker makes them, root's.
      if (name === "podman") for (const folder of folders) await mkdir(folder);
      const container = await start(name, {
        env: { REGISTRIES: "quay.io ghcr.io", AUTH_REGISTRIES: "some.authenticated.host:u:p" },
        options: [
          `--volume=${folders[0]}:/docker_mirror_cache`,
          `--volume=${folders[1]}:/ca`,
          "--read-only",
        ],
      });
      await pulls(container);
      for (const line of ["Uid", "Gid"] as const)
        expect(await container.ofEveryThread(line)).toEqual([nobodys]);
      expect(await container.ofEveryThread("Groups")).toEqual(["65532"]);
      expect(await container.ofEveryThread("CapEff")).toEqual(["0000000000000000"]);
      expect((await container.exec("/usr/bin/entrepot", "health")).code).toBe(0);
      expect((await container.exec("/usr/bin/entrepot", "images", "ls")).output).toContain(tool);
      expect((await stat(join(at, "docker_mirror_cache/entrepot/VERSION"))).uid).toBe(65_532);
      expect(await container.stop()).toBe(0);
    });

    it("keeps its CA and images in a new named volume over an update, with a read-only root", async () => {
      const options = [`--volume=kept-${name}:/data`, "--read-only"];
      const first = await start(name, { options });
      const before = await fingerprintOf(first);
      await pulls(first);
      expect(await first.stop()).toBe(0);
      const second = await start(name, { options });
      journey.upstream.ledger.clear();
      await pulls(second);
      expect(journey.upstream.ledger.contentGets()).toEqual([]);
      expect(await fingerprintOf(second)).toBe(before);
      expect(await second.stop()).toBe(0);
    });

    it("takes a volume of docker-registry-proxy with its CA, and leaves nginx's files", async () => {
      const [cache, ca] = [await folderFor("cache"), await folderFor("ca")];
      await mkdir(join(cache, "c/29"), { recursive: true, mode: 0o700 });
      await writeFile(join(cache, "c/29/b7f54b2df7773722d382f4809d65029c"), "KEY: /v2/");
      for (const path of [".", "c", "c/29", "c/29/b7f54b2df7773722d382f4809d65029c"])
        await chown(join(cache, path), 101, 101);
      const openssl = `openssl genrsa -des3 -passout pass:foobar -out ca.key 2048
        openssl req -new -x509 -days 1300 -sha256 -key ca.key -out ca.crt -passin pass:foobar \
          -subj "/C=NL/ST=Amsterdam/L=Amsterdam/O=ME/OU=IT/CN=proxy" \
          -extensions v3_ca -config <(printf '[req]\ndistinguished_name=d\n[d]\n[v3_ca]\nbasicConstraints=CA:true\nsubjectKeyIdentifier=hash\n')
        chmod 0600 ca.key`;
      await runWell("bash", ["-ec", openssl], { cwd: ca });
      const container = await start(name, {
        options: [`--volume=${cache}:/docker_mirror_cache`, `--volume=${ca}:/ca`],
      });
      const theirs = new X509Certificate(await readFile(join(ca, "ca.crt")));
      expect(await fingerprintOf(container)).toBe(theirs.fingerprint256);
      await pulls(container);
      expect(await container.ofEveryThread("Uid")).toEqual(["101 101 101 101"]);
      expect(await container.stop()).toBe(0);
      expect((await stat(join(cache, "c/29"))).uid).toBe(101);
      expect((await stat(join(ca, "ca.key"))).mode & 0o777).toBe(0o600);
    });

    it("reads Squid's key that only root may read, and says what to do where it cannot", async () => {
      const certs = await folderFor("certs");
      const { cert, key } = makeCertificate(["localhost", "127.0.0.1"]);
      await chmod(certs, 0o755);
      for (const [file, text, mode] of [
        ["cert.pem", cert, 0o644],
        ["key.pem", key, 0o600],
      ] as const) {
        await writeFile(join(certs, file), text);
        await chmod(join(certs, file), mode);
      }
      const env = {
        TLS_PORT: "28443",
        TLS_CERT: "/etc/ssl/private/cert.pem",
        TLS_KEY: "/etc/ssl/private/key.pem",
      };
      const closed = await Container.ended(
        engineOf(name),
        ask({ env, options: [`--volume=${certs}:/etc/ssl/private:ro`] }),
      );
      expect(closed.code).toBe(78);
      expect(closed.output).toMatch(
        /key\.pem cannot be given to user 65532 \(EROFS\); mount it without :ro, or chown /,
      );
      const container = await start(name, {
        env,
        options: [`--volume=${certs}:/etc/ssl/private`],
      });
      const to = await mkdtemp(join(journey.folder, "pulled-"));
      await pullThrough("127.0.0.1:28443", tool, to);
      expect(await container.ofEveryThread("Uid")).toEqual([nobodys]);
      expect(await container.stop()).toBe(0);
    });

    it("needs no root and no capability where the folder is prepared", async () => {
      const data = await folderFor("data");
      await chown(data, 65_532, 65_532);
      const container = await start(name, {
        options: [
          ...["--user=65532:65532", "--cap-drop=ALL", "--read-only"],
          ...["--security-opt=no-new-privileges", `--volume=${data}:/data`],
        ],
      });
      await pulls(container);
      expect(await container.stop()).toBe(0);
    });

    it("is who PUID and PGID say, or whose the folder is", async () => {
      const [asked, owned] = [await folderFor("asked"), await folderFor("owned")];
      await chown(owned, 1_026, 100);
      for (const [folder, env, ids] of [
        [asked, { PUID: "99", PGID: "100" }, [99, 100]],
        [owned, {}, [1_026, 100]],
      ] as const) {
        const container = await start(name, { env, options: [`--volume=${folder}:/data`] });
        expect(await container.ofEveryThread("Uid")).toEqual([Array(4).fill(ids[0]).join(" ")]);
        expect(await container.stop()).toBe(0);
        for (const file of await readdir(folder)) {
          const { uid, gid } = await stat(join(folder, file));
          expect([file, uid, gid]).toEqual([file, ...ids]);
        }
      }
    });

    it("takes over again what was another user's, and names what is not its own", async () => {
      const data = await folderFor("data");
      const options = [`--volume=${data}:/data`];
      const first = await start(name, { options, env: { PUID: "4001" } });
      await pulls(first);
      await first.stop();
      await writeFile(join(data, "notes.txt"), "mine");
      const second = await start(name, { options, env: { PUID: "4002" } });
      journey.upstream.ledger.clear();
      await pulls(second);
      expect(journey.upstream.ledger.contentGets()).toEqual([]);
      expect(await second.logs()).toContain("/data/notes.txt is not ours and was left as it is");
      expect((await stat(join(data, "notes.txt"))).uid).toBe(0);
      expect(await second.stop()).toBe(0);
    });

    it("stops at once though it is not ready yet", async () => {
      const container = await Container.begin(engineOf(name), ask({}));
      // Before that nobody is there to hear it: the first process of a container is ended by no signal.
      await eventually(async () => {
        const [uid] = await container.ofEveryThread("Uid");
        const [caught = "0"] = await container.ofEveryThread("SigCgt");
        return uid === nobodys && (BigInt(`0x${caught}`) & (1n << 14n)) !== 0n;
      });
      const begun = performance.now();
      expect(await container.stop()).toBe(0);
      expect(performance.now() - begun).toBeLessThan(35_000);
    });

    it("says what to write where root may not become another", async () => {
      const { code, output } = await Container.ended(
        engineOf(name),
        ask({ options: ["--cap-drop=ALL"] }),
      );
      expect(output).toContain("start the container with --user 65532:65532");
      expect(code).toBe(78);
    });
  });

  it.skipIf(!hasProgram("go"))("has its logins of a static helper that is mounted", async () => {
    const folder = await folderFor("helper");
    await writeFile(join(folder, "main.go"), helperOf(account));
    const env = { HOME: folder, CGO_ENABLED: "0", GOFLAGS: "-mod=mod" };
    const build = ["build", "-o", "docker-credential-journey", "main.go"];
    await runWell("go", build, { cwd: folder, env: { ...env, GO111MODULE: "off" } });
    const helpers = { "https://index.docker.io/v1/": "journey" };
    await writeFile(join(folder, "config.json"), JSON.stringify({ credHelpers: helpers }));
    const bin = "/usr/local/bin/docker-credential-journey";
    const container = await start("docker", {
      env: { DOCKER_CONFIG: "/login/config.json" },
      options: [
        `--volume=${join(folder, "docker-credential-journey")}:${bin}:ro`,
        `--volume=${join(folder, "config.json")}:/login/config.json`,
      ],
    });
    const to = await mkdtemp(join(journey.folder, "pulled-"));
    await pullThrough(`127.0.0.1:${container.port}`, "acme/private:1", to);
    expect(await container.stop()).toBe(0);
  });

  it("for arm64 says its version", async () => {
    const folder = await folderFor("arm64");
    const other = await made("arm64", folder);
    expect(await sizeOf(other)).toBeLessThanOrEqual(55e6);
    await runWell("bash", [
      "-ec",
      `cd ${folder}; mkdir tree; tar -xf ${other}; tar -xzf *.tar.gz -C tree`,
    ]);
    const said = await run("qemu-aarch64-static", [
      ...["-L", join(folder, "tree"), join(folder, "tree/usr/bin/entrepot"), "--version"],
    ]);
    expect(said.output).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
