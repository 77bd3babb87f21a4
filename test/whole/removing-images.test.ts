/** Images that go: those that were pushed here and those that are cached, by commands. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { viaProxy } from "./support/client.ts";
import { HostedClient, newImage } from "./support/hosted.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";

const main = fileURLToPath(new URL("../../src/app/main.js", import.meta.url));
const host = "registry.lan";
const open = { HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true", HOSTED_LEASE: "0 s" };
const rules = JSON.stringify([{ repositories: ["**"], immutable: ["v*"] }]);

async function entrepot(args: readonly string[], program: Program, more: object = {}) {
  const env = { PATH: process.env.PATH ?? "", DATA_DIR: program.dataDir, ...more };
  const child = spawn(process.execPath, [main, ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { out: "", err: "" };
  child.stdout.on("data", (piece) => (output.out += String(piece)));
  child.stderr.on("data", (piece) => (output.err += String(piece)));
  const [code] = await once(child, "close");
  return { code: Number(code), ...output };
}

describe("images that were pushed here", () => {
  it("go by tag, by digest or all of a repository, never unasked, and gc frees their bytes", async () => {
    const scene = await Scene.open();
    const program = await scene.start({ ...open, HOSTED_RULES: rules });
    const client = new HostedClient(program, host);
    const [one, other, kept] = [newImage({}, 50_000), newImage({}, 60_000), newImage()];
    await client.push("team/app", "1", one);
    await client.pushManifest("team/app", "2", one.manifest);
    await client.push("team/app", "3", other);
    await client.push("team/base", "v1", kept);
    const listed = await entrepot(["images", "ls"], program);
    expect(listed.out).toMatch(
      /registry\.lan\/team\/app:1 .* 48\.8 KiB +48\.8 KiB +never +0 +kept\n/,
    );
    const shown = await entrepot(["images", "show", `${host}/team/base:v1`], program);
    expect(shown.out).toMatch(/who may have it +pushed here\n/);
    const unasked = await entrepot(["images", "rm", `${host}/team/app:1`], program);
    expect([unasked.code, unasked.err]).toEqual([2, expect.stringContaining("write --yes")]);
    const removed = await entrepot(["images", "rm", `${host}/team/app:1`, "--yes"], program);
    expect([removed.code, removed.out]).toEqual([
      0,
      `removed ${host}/team/app:1 (tag 1); entrepot gc frees what no other image needs\n`,
    ]);
    expect((await client.get("/v2/team/app/manifests/2")).status).toBe(200);
    const whole = await entrepot(
      ["images", "rm", `${host}/team/app@${one.digest}`, "--yes"],
      program,
    );
    expect(whole.out).toContain("(tag 2, 1 image)");
    expect((await client.get("/v2/team/app/manifests/2")).status).toBe(404);
    const rest = await entrepot(["images", "ls"], program);
    expect(rest.out).not.toMatch(/team\/app:[12] /);
    expect(rest.out).toContain(`${host}/team/app:3 `);
    const dry = await entrepot(["gc", "--dry-run"], program);
    expect(dry.out).toContain(`team/app@${one.layerDigest}`);
    expect(dry.out).toMatch(/no image needs it\n(?:.*\n)*would free 49\.\d KiB in 2 blobs\n$/);
    expect((await entrepot(["gc"], program)).out).toMatch(/\nfreed 49\.\d KiB in 2 blobs\n$/);
    const all = await entrepot(["images", "rm", `${host}/team/app`, "--yes"], program);
    expect(all.out).toContain("(tag 3, 1 image)");
    const frozen = await entrepot(["images", "rm", `${host}/team/base`, "--yes"], program);
    expect([frozen.code, frozen.err]).toEqual([1, expect.stringContaining("immutable")]);
    const none = await entrepot(["images", "rm", `${host}/team/none`, "--yes"], program);
    expect([none.code, none.err]).toEqual([1, `entrepot: there is no ${host}/team/none here\n`]);
    await program.stop();
    const left = await entrepot(["gc", "--untagged-after", "1h"], program, open);
    expect([left.code, left.err]).toEqual([0, ""]);
    expect(left.out).toMatch(/\nfreed 59.0 KiB in 2 blobs\n$/);
    const wrong = await entrepot(["gc", "--untagged-after", "soon"], program, open);
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("write a time")]);
    const again = new HostedClient(await scene.start(open), host);
    expect((await again.get(`/v2/team/base/blobs/${kept.layerDigest}`)).status).toBe(200);
  });
});

describe("images that are cached", () => {
  it("go with the bytes that no other kept image needs, and those that stay are named", async () => {
    const scene = await Scene.open();
    const { name, server } = await scene.registry("elsewhere.test");
    const program = await scene.start({ REGISTRIES: name });
    const layerBytes = Buffer.alloc(200_000, "shared");
    const [one, other] = [
      addImage(server, "team/app", { tag: "1", layerBytes }),
      addImage(server, "team/app", { tag: "2", layerBytes }),
    ];
    const pull = async ({ tag, config, layer }: Image) => {
      for (const path of [`manifests/${tag}`, `blobs/${config}`, `blobs/${layer}`]) {
        const headers = { accept: manifestType };
        expect((await viaProxy(program, name, `/v2/team/app/${path}`, { headers })).status).toBe(
          200,
        );
      }
    };
    await pull(one);
    await pull(other);
    const removed = await entrepot(["images", "rm", `${name}/team/app:1`], program);
    expect([removed.code, removed.err]).toEqual([0, ""]);
    expect(removed.out).toMatch(/: \d+ B in 2 blobs freed\n/);
    expect(removed.out).toContain(`${layerOf(one)} stays (195 KiB), for ${name}/team/app:2`);
    expect((await entrepot(["images", "ls"], program)).out).not.toContain("team/app:1 ");
    const rest = await entrepot(["images", "rm", `${name}/team/app`], program);
    expect(rest.out).toMatch(/: 19\d KiB in 3 blobs freed\n$/);
    const asked = server.requests.length;
    await pull(one);
    expect(server.requests.length).toBeGreaterThan(asked);
  });
});

function layerOf({ layer }: Image): string {
  return layer;
}
