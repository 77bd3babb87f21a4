/** A registry whose token service moves, while what it said before is still remembered. */
import { beforeEach, expect, it } from "vitest";
import { direct, viaProxy } from "./support/client.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { authorization } from "./support/login.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let scene: Scene;
let program: Program;
let registry: NamedRegistry;
let image: Image;
let old: NamedRegistry;
let challenge: { realm: string };

beforeEach(async () => {
  scene = await Scene.open();
  const places = [await scene.registry("old.test"), await scene.registry("new.test")] as const;
  [old] = places;
  const auth = { kind: "bearer" as const, realm: `https://${old.name}/token` };
  challenge = auth;
  registry = await scene.registry("registry.test", { auth: () => auth });
  image = addImage(registry.server, "team/app");
  for (const { server } of places) server.issueTokensFor(registry.server);
  const names = [registry, ...places].map(({ name }) => name);
  const realms = places.map(({ name }) => `${registry.name}=${name}`);
  program = await scene.start({ REGISTRIES: names.join(" "), AUTH_REALMS: realms.join(" ") });
  expect((await mirrored()).status).toBe(200);
  expect((await proxied())?.status).toBe(200);
  challenge.realm = `https://${places[1].name}/token`;
});

const path = () => `team/app/manifests/${image.tag}`;
const headers = { accept: manifestType };
const mirrored = () => direct(program, `/v2/${registry.name}/${path()}`, { headers });

/** As an engine pulls; undefined when it gets no token. */
async function proxied() {
  const token = await authorization(program, registry.name, "team/app");
  if (token === undefined) return undefined;
  const fields = { ...headers, authorization: token };
  return viaProxy(program, registry.name, `/v2/${path()}`, { headers: fields });
}

/** Tokens and tags have grown old; the challenge is believed for ten minutes. */
const minutesLater = (minutes: number) => {
  scene.aheadMs += minutes * 60_000;
};

const gone: readonly (readonly [string, () => unknown])[] = [
  ["refuses connections", () => undefined],
  ["has no address any more", () => scene.names.delete("old.test")],
  ["is at an address that is forbidden", () => scene.names.set("old.test", ["169.254.169.254"])],
];

it.each(gone)("an old one that %s is no trouble at a mirror's name", async (_name, leave) => {
  leave();
  await old.server.close();
  minutesLater(9);
  const answer = await mirrored();
  expect([answer.status, answer.headers.warning]).toEqual([200, undefined]);
});

it.each(gone)("an old one that %s is forgotten after ten minutes", async (_name, leave) => {
  leave();
  await old.server.close();
  minutesLater(11);
  expect((await proxied())?.status).toBe(200);
});

it.each(gone.slice(0, 2))("who asks an old one that %s is sent on", async (_name, leave) => {
  leave();
  await old.server.close();
  minutesLater(9);
  const answer = await proxied();
  const line = answer?.headers["www-authenticate"];
  expect([answer?.status, line]).toEqual([401, expect.stringContaining(challenge.realm)]);
  expect(line).toContain('error="invalid_token"');
  expect((await proxied())?.status).toBe(200);
});
