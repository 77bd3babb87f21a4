/** Commands that ask: of a server that runs, of a folder that one left, and of nobody. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { direct, viaProxy } from "./support/client.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

const main = fileURLToPath(new URL("../../src/app/main.js", import.meta.url));

let scene: Scene;
let registry: NamedRegistry;
let program: Program;
let image: Image;

beforeEach(async () => {
  scene = await Scene.open();
  registry = await scene.registry("registry.test");
  image = addImage(registry.server, "team/app");
  program = await scene.start({
    ...{ REGISTRIES: registry.name, POLICY: JSON.stringify({ deny: ["*/team/secret"] }) },
  });
});

async function entrepot(args: readonly string[], cwd = scene.folder) {
  const env = { PATH: process.env.PATH ?? "" };
  const child = spawn(process.execPath, [main, ...args], { cwd, env });
  const output = { out: "", err: "" };
  child.stdout.on("data", (piece) => (output.out += String(piece)));
  child.stderr.on("data", (piece) => (output.err += String(piece)));
  const [code] = await once(child, "close");
  return { code: Number(code), ...output };
}

async function pullWhole(): Promise<void> {
  for (const path of [`manifests/${image.tag}`, `blobs/${image.config}`, `blobs/${image.layer}`]) {
    await viaProxy(program, registry.name, `/v2/team/app/${path}`, {
      headers: { accept: manifestType },
    });
  }
}

describe("a command that asks", () => {
  it("lists and shows images, of the running server and of what it left", async () => {
    await pullWhole();
    const name = `${registry.name}/team/app:${image.tag}`;
    // The server's folder is ./data here, and found without being told.
    const running = await entrepot(["images", "ls", "app"]);
    expect(running.out.split("\n")[0]).toMatch(
      /^IMAGE +DIGEST +PLATFORMS +SIZE +KEPT +LAST-PULL +PULLS +STATE$/,
    );
    expect(running.out.split("\n")[1]).toMatch(
      new RegExp(
        `^${name} +${image.manifest.slice(7, 19)} +– +293 KiB +293 KiB +\\d+ s ago +1 +kept$`,
      ),
    );
    const shown = await entrepot(["images", "show", name, "--json"]);
    expect(JSON.parse(shown.out)).toMatchObject({ digest: image.manifest, pulls: 1 });
    await program.stop();
    const left = await entrepot(["images", "ls"]);
    expect([left.code, left.err]).toEqual([0, ""]);
    expect(left.out.split("\n")[1]).toContain(name);
    expect((await entrepot(["stats", "--data-dir", program.dataDir])).out).toMatch(/last 24 h +1 /);
    const explained = await entrepot(["explain", name]);
    expect([explained.code, explained.err]).toEqual([0, ""]);
    expect(explained.out).toMatch(/^ {2}(?:hit|revalidated): /m);
    const none = await entrepot(["images", "show", "ghcr.io/none/such:1"]);
    expect([none.code, none.err]).toEqual([
      1,
      "entrepot: ghcr.io/none/such:1 was never asked for here\n",
    ]);
  });

  it("shows an image of a registry in plain HTTP by the name that it is listed with", async () => {
    const plain = await scene.registry("plain.test", { isPlain: true, port: await freePort() });
    const its = addImage(plain.server, "team/tool");
    await program.stop();
    program = await scene.start({ REGISTRIES: `http://${plain.name}` });
    const target = `/v2/team/tool/manifests/${its.tag}?ns=${plain.name}`;
    expect((await direct(program, target, { headers: { accept: manifestType } })).status).toBe(200);
    await eventually(async () => (await entrepot(["images", "ls"])).out.includes("team/tool"), {
      withinMs: 30_000,
    });
    const [, line = ""] = (await entrepot(["images", "ls"])).out.split("\n");
    const [listed = ""] = line.split(" ");
    const shown = await entrepot(["images", "show", listed, "--json"]);
    expect([shown.code, shown.err]).toEqual([0, ""]);
    expect(JSON.parse(shown.out)).toMatchObject({ digest: its.manifest, repository: "team/tool" });
  });

  it("is told in the same words what is wrong with it, by a server and without one", async () => {
    const wrong = async () => {
      const told = [];
      for (const args of [
        ["ls", "--limit", "9999"],
        ["show", "UPPER/case"],
        ["show", "none:1"],
      ]) {
        const { code, err } = await entrepot(["images", ...args]);
        told.push([code, err]);
      }
      return told;
    };
    const running = await wrong();
    expect(running).toEqual([
      [2, "entrepot: querystring/limit must be <= 200\n"],
      [2, "entrepot: UPPER/case is no name of an image\n"],
      [1, "entrepot: none:1 was never asked for here\n"],
    ]);
    await program.stop();
    expect(await wrong()).toEqual(running);
  });

  it("is told what is wrong with the settings where no server runs, and ends with 78", async () => {
    await program.stop();
    const file = join(scene.folder, "entrepot.yaml");
    await writeFile(file, "tag_ttl: soon\n");
    const ended = await entrepot(["images", "ls", "--config", file]);
    expect([ended.code, ended.out]).toEqual([78, ""]);
    expect(ended.err).toContain("tag_ttl");
  });

  it.skipIf(process.getuid?.() !== 0)(
    "leaves nothing of root's behind where root asks and no server runs",
    async () => {
      await pullWhole();
      await program.stop();
      await chmod(scene.folder, 0o755);
      const folder = program.dataDir;
      const all = async () => [
        folder,
        ...(await readdir(folder, { recursive: true })).map((name) => join(folder, name)),
      ];
      for (const path of await all()) await chown(path, 65_534, 65_534);
      const { code, err } = await entrepot(["images", "ls"]);
      expect([code, err]).toEqual([0, ""]);
      const owners = await Promise.all((await all()).map(async (path) => (await stat(path)).uid));
      expect(new Set(owners)).toEqual(new Set([65_534]));
    },
  );

  it("explains what a pull would do now, and why", async () => {
    const name = `${registry.name}/team/app:${image.tag}`;
    const explained = async (of = name) => (await entrepot(["explain", of])).out;
    expect(await explained()).toContain("miss: it was never asked for");
    await pullWhole();
    const hit = await explained();
    expect(hit).toContain("hit: the tag was confirmed within its time; nobody is asked");
    expect(hit).toContain("is believed for 10 s");
    expect(hit).toContain("everybody may have it");
    expect(hit).toContain(`no login is configured for ${registry.name}`);
    scene.aheadMs += 60_000;
    expect(await explained()).toContain("revalidated:");
    expect(await explained(`${registry.name}/team/secret:1`)).toContain("refused: POLICY denies");
  });

  it("shows once what goes on where there is no terminal", async () => {
    await pullWhole();
    const { code, out } = await entrepot(["top"]);
    expect(code).toBe(0);
    expect(out).toContain("All well");
    expect(out).toContain("DOWNLOAD");
    expect(out).not.toContain("\u001b");
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("gives the terminal back as it was at Ctrl-C", async () => {
    const command = `${process.execPath} ${main} top`;
    const args = ["-qfec", `stty cols 80 rows 24; exec ${command}`, "/dev/null"];
    const terminal = spawn("script", args, { cwd: scene.folder });
    onTestFinished(() => void terminal.kill("SIGKILL"));
    let shown = "";
    terminal.stdout.on("data", (piece) => (shown += String(piece)));
    await eventually(() => shown.includes("All well"), { withinMs: 30_000 });
    expect(shown).toContain("\u001b[?25l");
    terminal.stdin.write("\u0003");
    const [code] = await once(terminal, "close");
    expect(code).toBe(0);
    expect(shown.trimEnd().endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
  });

  it("prints a link that opens the dashboard", async () => {
    const { out } = await entrepot(["dashboard"]);
    expect(out).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/login\?link=\S+\n$/);
    // Who looks at links for others asks by HEAD.
    await fetch(out.trim(), { method: "HEAD" });
    expect((await fetch(out.trim())).headers.get("set-cookie")).toContain("HttpOnly");
  });

  it.each<[readonly string[], number, RegExp]>([
    [["health"], 3, /nothing listens at data\/control.sock; start it, or write --data-dir/],
    [["health", "--wait", "soon"], 2, /--wait is "soon"; write seconds, such as 30/],
    [["top"], 3, /no server runs with \.\/data; write --data-dir/],
    [["explain", "alpine"], 3, /no server runs/],
    [["images", "ls"], 3, /nothing is kept there/],
    [["images", "ls", "--wide"], 2, /unknown option '--wide'/],
    [["images", "show"], 2, /images show needs <image>/],
    [["stats", "--data-dir"], 2, /--data-dir needs a value; write --data-dir <path>/],
  ])("%j without a server ends with %i", async (args, code, sentence) => {
    const ended = await entrepot(args, await temporaryFolder());
    expect([ended.code, ended.out]).toEqual([code, ""]);
    expect(ended.err).toMatch(sentence);
    expect(ended.err.trim().split("\n")).toHaveLength(1);
  });

  it("is found behind flags of the whole command line, and in its help", async () => {
    await pullWhole();
    const listed = await entrepot(["--data-dir", program.dataDir, "images", "ls"], join("/"));
    expect([listed.code, listed.err]).toEqual([0, ""]);
    expect(listed.out).toContain("team/app");
    expect((await entrepot(["--help"])).out).toMatch(/\n {2}explain\s+what a pull/);
  });
});
