/**
 * A company's forge behind nginx, by the proxy's door: git, apt, curl and a WebSocket, where the host is a
 * registry too and its TLS ends at the proxy, and where it is none and all of it is a tunnel.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ProxyAgent, WebSocket } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type Program, Scene } from "../whole/support/program.ts";
import { openChromium } from "./support/browsers/chromium.ts";
import { hasProgram } from "./support/journey.ts";
import { runWell, Service } from "./support/program.ts";
import { type Forge, startForge } from "./support/upstream/forge.ts";

const programs = ["git", "nginx", "apt-get", "dpkg-deb", "dpkg-scanpackages", "curl"];
let scene: Scene;
let forge: Forge;
let nginx: Service;
let port: number;
let site: string;
const doors = new Map<string, { readonly program: Program; readonly ca: string }>();

const nginxConfig = (folder: string) => `daemon off; pid nginx.pid;
events {}
http {
  access_log off;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate site.pem;
    ssl_certificate_key site.key;
    client_max_body_size 0;
    location /debian/ { root ${folder}; }
    location / {
      proxy_pass http://127.0.0.1:${forge.port};
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $http_connection;
    }
  }
}
`;

describe.skipIf(!programs.every(hasProgram))("beside a registry, or without one", () => {
  beforeAll(async () => {
    scene = await Scene.open();
    const folder = join(scene.folder, "site");
    for (const part of ["logs", "debian", "git"])
      await mkdir(join(folder, part), { recursive: true });
    await runWell("git", ["init", "-q", "--bare", join(folder, "git", "app.git")]);
    await makePackage(folder);
    // Its workers are another user.
    await runWell("chmod", ["-R", "o+rX", scene.folder]);
    forge = await startForge(join(folder, "git"));
    port = await freePort();
    site = `https://forge.test:${port}`;
    const { cert, key } = scene.issue("forge.test");
    await writeFile(join(folder, "site.pem"), cert);
    await writeFile(join(folder, "site.key"), key);
    await writeFile(join(folder, "nginx.conf"), nginxConfig(folder));
    nginx = new Service("nginx", ["-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf")]);
    scene.names.set("forge.test", ["127.0.0.1"]);
    await open("a registry too", { REGISTRIES: `forge.test:${port}` });
    await open("no registry", { TUNNEL_PORTS: `443,${port}` });
    await nginx.ready(async () => (await curl("no registry", [`${site}/up`])).length === 64);
  });
  afterAll(async () => {
    await nginx?.stop();
    forge?.close();
    await scene?.close();
  });

  describe.each(["a registry too", "no registry"])("that is %s", (what) => {
    it("git clones, pushes what goes in chunks, and clones it again", async () => {
      const work = join(scene.folder, what.replaceAll(" ", "-"));
      const { program, ca } = doorOf(what);
      const usual = [`http.proxy=http://127.0.0.1:${program.port}`, `http.sslCAInfo=${ca}`];
      const named = ["user.name=carol", "user.email=carol@forge.test", "http.postBuffer=65536"];
      const settings = [...usual, ...named].flatMap((setting) => ["-c", setting]);
      const git = (...args: string[]) =>
        runWell("git", [...settings, ...args], { env: { HOME: work } });
      await git("clone", "-q", `${site}/git/app.git`, work);
      const bytes = randomBytes(3_000_000);
      await writeFile(join(work, "layer"), bytes);
      await git("-C", work, "add", "layer");
      await git("-C", work, "commit", "-q", "-m", "a layer");
      await git("-C", work, "push", "-q", "origin", "HEAD:refs/heads/main", "--force");
      await git("clone", "-q", "-b", "main", `${site}/git/app.git`, `${work}-again`);
      expect(bytes.equals(await readFile(`${work}-again/layer`))).toBe(true);
      if (what === "no registry") return;
      // Longer than a registry has for its first byte.
      const slowly = ["-c", "http.extraHeader=x-think: 11", "-c", "protocol.version=0"];
      await git(...slowly, "clone", "-q", "-b", "main", `${site}/git/app.git`, `${work}-slowly`);
      expect(bytes.equals(await readFile(`${work}-slowly/layer`))).toBe(true);
    });

    it("curl uploads a file after 100-continue, and a stream in chunks", async () => {
      const file = join(scene.folder, "upload");
      await writeFile(file, randomBytes(20_000_000));
      const { stdout } = await runWell("sha256sum", [file]);
      const [sum = "?"] = stdout.split(" ");
      const awaited = ["-H", "Expect: 100-continue"];
      expect(await curl(what, [...awaited, "-T", file, `${site}/upload`])).toBe(sum);
      const chunked = ["-H", "Transfer-Encoding: chunked", "--data-binary", `@${file}`];
      expect(await curl(what, [...chunked, `${site}/upload`])).toBe(sum);
    });

    it("apt updates and downloads a package", async () => {
      const { program, ca } = doorOf(what);
      const root = join(scene.folder, `apt-${what.replaceAll(" ", "-")}`);
      for (const part of ["lists/partial", "archives/partial", "etc"])
        await mkdir(join(root, part), { recursive: true });
      await writeFile(join(root, "etc/status"), "");
      await writeFile(join(root, "etc/sources.list"), `deb [trusted=yes] ${site}/debian ./\n`);
      const options = [
        ...[`Dir::State::lists=${root}/lists`, `Dir::Cache=${root}`, `Dir::Etc=${root}/etc`],
        ...[`Dir::State::status=${root}/etc/status`, "APT::Sandbox::User=root"],
        ...[
          `Acquire::https::Proxy=http://127.0.0.1:${program.port}`,
          `Acquire::https::CAInfo=${ca}`,
        ],
      ].flatMap((option) => ["-o", option]);
      await runWell("apt-get", [...options, "update"]);
      await runWell("apt-get", [...options, "download", "forge-tool"], { cwd: root });
      const bytes = await readFile(join(root, "forge-tool_1.0_all.deb"));
      expect(
        bytes.equals(await readFile(join(scene.folder, "site/debian/forge-tool_1.0_all.deb"))),
      ).toBe(true);
    });

    it("a WebSocket says back what it hears", async () => {
      const { program, ca } = doorOf(what);
      const uri = `http://127.0.0.1:${program.port}`;
      const dispatcher = new ProxyAgent({ uri, requestTls: { ca: await readFile(ca, "utf8") } });
      const socket = new WebSocket(`wss://forge.test:${port}/live`, { dispatcher });
      await once(socket, "open");
      for (const word of ["hello", "forge"]) {
        socket.send(word);
        const [{ data }] = (await once(socket, "message")) as [{ data: unknown }];
        expect(data).toBe(word);
      }
      socket.close();
      await once(socket, "close");
      await dispatcher.close();
    });

    it.skipIf(!hasProgram("chromium"))("a WebSocket of Chromium's does, too", async () => {
      const { program } = doorOf(what);
      const browser = await openChromium(`http://127.0.0.1:${program.port}`);
      try {
        await browser.open(`${site}/up`);
        const url = JSON.stringify(`wss://forge.test:${port}/live`);
        const heard = await browser.run(`new Promise((resolve, reject) => {
          const [socket, words] = [new WebSocket(${url}), []];
          socket.onerror = () => reject(new Error("no WebSocket"));
          socket.onopen = () => { socket.send("hello"); socket.send("forge"); };
          socket.onmessage = ({ data }) => { words.push(data); if (words.length === 2) socket.close(); };
          socket.onclose = () => resolve(words);
        })`);
        expect(heard).toEqual(["hello", "forge"]);
      } finally {
        await browser.close();
      }
    });
  });
});

const doorOf = (what: string) => doors.get(what) as { program: Program; ca: string };

async function open(what: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const data = join(scene.folder, `data-${doors.size}`);
  const program = await scene.start({ ...settings, DATA_DIR: data });
  const isOurs = "REGISTRIES" in settings;
  const ca = isOurs ? join(data, "ca", "ca.crt") : join(scene.folder, "upstream-ca.pem");
  doors.set(what, { program, ca });
}

async function curl(what: string, args: readonly string[]): Promise<string> {
  const { program, ca } = doorOf(what);
  const usual = ["-sS", "--fail", "--cacert", ca, "-x", `http://127.0.0.1:${program.port}`];
  return (await runWell("curl", [...usual, ...args])).stdout;
}

async function makePackage(folder: string): Promise<void> {
  const root = join(folder, "package");
  await mkdir(join(root, "DEBIAN"), { recursive: true });
  const fields = ["Package: forge-tool", "Version: 1.0", "Architecture: all", "Maintainer: carol"];
  await writeFile(join(root, "DEBIAN/control"), [...fields, "Description: a tool", ""].join("\n"));
  const debian = join(folder, "debian");
  await runWell("dpkg-deb", ["--build", "--root-owner-group", root, debian]);
  const { stdout } = await runWell("dpkg-scanpackages", ["."], { cwd: debian });
  await writeFile(join(debian, "Packages"), stdout);
}
