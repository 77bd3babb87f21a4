/** The dashboard as a browser gets it, with and without scripts. */
import { networkInterfaces } from "node:os";
import { beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { stallAt } from "../support/fake-registry/fault.ts";
import { viaProxy } from "./support/client.ts";
import { askControl } from "./support/control.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

/** An address of this machine that is not loopback. */
const outside = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

let scene: Scene;
let registry: NamedRegistry;
let program: Program;
let image: Image;

beforeEach(async () => {
  scene = await Scene.open();
  registry = await scene.registry("registry.test");
  image = addImage(registry.server, "team/app");
  program = await scene.start({ REGISTRIES: registry.name });
});

const url = (path: string) => `http://127.0.0.1:${program.adminPort}${path}`;
const page = async (path = "/") => await (await fetch(url(path))).text();

const pull = (path: string) =>
  viaProxy(program, registry.name, `/v2/${path}`, { headers: { accept: manifestType } });

async function pullWhole(): Promise<void> {
  for (const path of [`manifests/${image.tag}`, `blobs/${image.config}`, `blobs/${image.layer}`]) {
    await pull(`team/app/${path}`);
  }
}

/** What the stream says, until it ends. */
function listen() {
  const heard = { text: "", hasEnded: false };
  const over = (async () => {
    const answer = await fetch(url("/api/v1/events"));
    for await (const piece of answer.body ?? []) heard.text += Buffer.from(piece).toString();
    heard.hasEnded = true;
  })();
  return { heard, over };
}

describe("the dashboard", () => {
  it("says to a new operator what to paste on a client", async () => {
    expect(await page()).toContain(`curl -fsS http://127.0.0.1:${program.port}/setup/docker`);
    await pullWhole();
    expect(await page()).not.toContain("/setup/docker");
  });

  it("does not say after a restart that nothing was pulled yet", async () => {
    await pullWhole();
    await program.stop();
    program = await scene.start({ REGISTRIES: registry.name });
    expect(await page()).toContain("team/app:1");
    expect(await page()).not.toContain("Nothing was pulled yet");
  });

  it("is whole without scripts, with nothing from elsewhere, in 120 KB", async () => {
    await pullWhole();
    const answer = await fetch(url("/"));
    const text = await answer.text();
    expect(text).toContain("All well");
    expect(text).toMatch(/Pulls<\/dt><dd>1</);
    expect(text).toContain(`${registry.name}/team/app:${image.tag}`);
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
    const assets = [...text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
    expect(assets).toHaveLength(4);
    expect(text).not.toMatch(/(?:src|href)="https?:\/\/(?!127\.0\.0\.1)/);
    let bytes = text.length;
    for (const path of assets) bytes += (await page(path)).length;
    expect(bytes).toBeLessThan(120_000);
  });

  it("finds images by words of their name", async () => {
    await pullWhole();
    expect(await page("/?search=APP+team")).toContain("team/app:1");
    const none = await page("/?search=%3Cscript%3Ealert(1)%3C/script%3E");
    expect(none).toContain("under such a name");
    expect(none).not.toContain("<script>alert");
  });

  it("shows what is wrong, the worst first, with what mends it", async () => {
    await pullWhole();
    await registry.server.close();
    scene.aheadMs += 60_000;
    expect((await pull(`team/app/manifests/${image.tag}`)).status).toBe(200);
    const text = await page();
    expect(text).not.toContain("All well");
    expect(text).toMatch(/registry\.test:\d+ does not answer/);
    expect(text).toContain("curl -sSI https://registry.test");
  });

  it("says of each of the last requests on what it was decided", async () => {
    await pullWhole();
    await pull(`team/app/manifests/${image.tag}`);
    const told = (await (await fetch(url("/api/v1/requests"))).json()) as {
      readonly requests: readonly { readonly why?: object }[];
    };
    const whys = told.requests.map(({ why }) => why);
    const given = { said: "given", login: "none" };
    expect(whys).toEqual([
      { reason: "fresh", open: "public" },
      { reason: "not kept", ...given },
      { reason: "not kept", ...given },
      { reason: "unknown", ...given },
    ]);
    expect(await page()).toContain("the tag was confirmed within its time");
  });

  it("stays up to date while something is fetched, and its streams end at a stop", async () => {
    const half = stallAt(100_000);
    registry.server.misbehave({ path: /\/blobs\// }, half);
    const { heard, over } = listen();
    const blob = pull(`team/app/blobs/${image.layer}`);
    await half.gate.reached;
    await eventually(() => /event: panel\ndata: .*"downloads".*33 % of 293 KiB/.test(heard.text));
    half.gate.open();
    await blob;
    await eventually(() => /"downloads".*Nothing is being fetched/.test(heard.text));
    const began = performance.now();
    await program.stop();
    await over;
    expect(heard.hasEnded).toBe(true);
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it("opens to who has a link, once", async () => {
    const token = "CANARY-admin-token-of-the-office";
    const other = await scene.start({
      ...{ REGISTRIES: registry.name, ADMIN_HOST: "0.0.0.0", ADMIN_TOKEN: token },
      DATA_DIR: `${scene.folder}/other`,
    });
    const at = `http://127.0.0.1:${other.adminPort}`;
    expect((await fetch(`${at}/`)).status).toBe(401);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const offered = await fetch(`${at}/api/v1/links`, { method: "POST", headers, body: "{}" });
    const { path } = (await offered.json()) as { path: string };
    const opened = await fetch(at + path);
    const cookie = opened.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^entrepot_session=\S+; HttpOnly; SameSite=Strict; Path=\/$/);
    const [session = ""] = cookie.split(";");
    expect((await fetch(`${at}/`, { headers: { cookie: session } })).status).toBe(200);
    expect((await fetch(at + path)).status).toBe(403);
  });

  it.each([
    ["every address", "0.0.0.0"],
    ["loopback by its name", "localhost"],
    ["an address of this machine", outside],
  ])("opens by the address that the command prints, listening on %s", async (_, host = "") => {
    if (host === "") return;
    const other = await scene.start({
      ...{ REGISTRIES: registry.name, ADMIN_HOST: host, DATA_DIR: `${scene.folder}/${host}` },
      ADMIN_TOKEN: "CANARY-admin-token-of-the-office",
    });
    const link = (await askControl(other, "links", {})) as { url: string; path: string };
    expect((await fetch(link.url + link.path)).status).toBe(200);
  });
});
