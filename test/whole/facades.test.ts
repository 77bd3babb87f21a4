/** A name in front of a registry that redirects everything to it; the registry wants tokens, or a login, of its own. */
import { beforeEach, describe, expect, it } from "vitest";
import { direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer } from "./support/evil-server.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { basic } from "./support/login.ts";
import {
  type NamedRegistry,
  type Program,
  type RegistryOptions,
  Scene,
} from "./support/program.ts";

const users = { alice: "CANARY-alice" };
const open: RegistryOptions["auth"] = (origin) => ({
  kind: "bearer",
  users,
  realm: `${origin}/token`,
});
const closed: RegistryOptions["auth"] = (origin) => ({
  kind: "bearer",
  users,
  realm: `${origin}/token`,
  privateRepositories: ["team/app"],
});
const byBasic: RegistryOptions["auth"] = () => ({ kind: "basic", users });

let scene: Scene;
let facade: EvilServer;
let real: NamedRegistry;
let image: Image;
let program: Program;

async function begin(
  auth: RegistryOptions["auth"],
  settings: Readonly<Record<string, string>> = {},
) {
  real = await scene.registry("real.test", auth === undefined ? {} : { auth });
  image = addImage(real.server, "team/app");
  facade.answer = ({ url = "" }, response) =>
    void response
      .writeHead(307, { location: `https://${real.name}${url.replace("/v2/brand/", "/v2/team/")}` })
      .end();
  program = await scene.start({ REGISTRIES: `${facade.name} ${real.name}`, ...settings });
}

beforeEach(async () => {
  scene = await Scene.open();
  facade = await evilServer(scene, "facade.test");
});

const headers = { accept: manifestType };
const atProxy = (path: string) => viaProxy(program, facade.name, path, { headers });
const atMirror = (path: string) => direct(program, `${path}?ns=${facade.name}`, { headers });

describe.each([
  ["the proxy", atProxy],
  ["a mirror", atMirror],
])("at %s an image behind a facade", (_door, get) => {
  it.each([
    ["at the same path", "team/app", open],
    ["at another path", "brand/app", open],
    ["of a registry that asks nobody", "team/app", undefined],
  ] as const)("%s is pulled whole", async (_where, name, auth) => {
    await begin(auth);
    expect((await get(`/v2/${name}/manifests/1`)).headers["docker-content-digest"]).toBe(
      image.manifest,
    );
    for (let time = 0; time < 2; time += 1) {
      const layer = await get(`/v2/${name}/blobs/${image.layer}`);
      expect(layer.status).toBe(200);
      expect(layer.body.equals(image.layerBytes)).toBe(true);
    }
  });

  it.each([
    ["that is private", closed],
    ["of a registry that speaks Basic", byBasic],
  ] as const)(
    "%s is not opened with the operator's login, which the facade was not given",
    async (_what, auth) => {
      await begin(auth, { AUTH_REGISTRIES: `${real.name}:alice:CANARY-alice` });
      const layer = await get(`/v2/team/app/blobs/${image.layer}`);
      expect(layer.status).toBeGreaterThanOrEqual(300);
      expect(layer.body.includes(image.layerBytes.subarray(0, 100))).toBe(false);
      const sent = real.server.requests.filter(
        ({ headers: { authorization } }) => authorization === basic(["alice", "CANARY-alice"]),
      );
      expect(sent.filter(({ url }) => url.includes("/blobs/"))).toEqual([]);
    },
  );
});

it("what a client cannot be given itself is passed on to it by the proxy, as the redirect that it is", async () => {
  await begin(closed);
  const layer = await atProxy(`/v2/team/app/blobs/${image.layer}`);
  expect([layer.status, layer.headers.location]).toEqual([
    307,
    `https://${real.name}/v2/team/app/blobs/${image.layer}`,
  ]);
  expect((await atMirror(`/v2/team/app/blobs/${image.layer}`)).status).toBe(404);
});
