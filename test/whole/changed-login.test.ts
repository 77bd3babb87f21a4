/** An operator's login that gives way to another: what the first one opened is not the second one's. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { direct, viaProxy } from "./support/client.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let scene: Scene;
let registry: NamedRegistry;
let image: Image;

beforeAll(async () => {
  scene = await Scene.open();
  registry = await scene.registry("lent.test", {
    auth: () => ({ kind: "basic", users: { alice: "CANARY-alice" } }),
  });
  image = addImage(registry.server, "corp/secret");
});
afterAll(() => scene.close());

/** Of each part of the image, without a login: by the proxy, then by the mirror. */
async function statuses(program: Program): Promise<readonly number[]> {
  const all: number[] = [];
  const headers = { accept: manifestType };
  const { manifest, config, layer } = image;
  for (const part of [`manifests/${manifest}`, `blobs/${config}`, `blobs/${layer}`]) {
    const path = `corp/secret/${part}`;
    all.push((await viaProxy(program, registry.name, `/v2/${path}`, { headers })).status);
    all.push((await direct(program, `/v2/${registry.name}/${path}`, { headers })).status);
  }
  return all;
}

it.each([
  ["another user's, which is refused", "mallory:CANARY-wrong"],
  ["the same user's with a password that is refused", "alice:CANARY-wrong"],
])("opens nothing of it: %s", async (_what, second) => {
  const DATA_DIR = `${scene.folder}/${second.replace(":", "-")}`;
  const start = (login: string) =>
    scene.start({ DATA_DIR, AUTH_REGISTRIES: `${registry.name}:${login}` });
  const first = await start("alice:CANARY-alice");
  expect(await statuses(first)).toEqual([200, 200, 200, 200, 200, 200]);
  await first.stop();
  expect(await statuses(await start(second))).toEqual([401, 404, 401, 404, 401, 404]);
});
