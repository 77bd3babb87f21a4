/** PROXY_AUTH and the mirror, which cannot ask for a login: who has private images there. */
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { basic } from "./support/login.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

const named = "127.0.0.5";
const other = "127.0.0.6";
const proxyAuth = { PROXY_AUTH: "carol:CANARY-proxy" };

let scene: Scene;
let registry: NamedRegistry;
let secret: Image;
let open: Image;

beforeAll(async () => {
  scene = await Scene.open();
  registry = await scene.registry("lent.test", {
    auth: (origin) => ({
      ...{ kind: "bearer", realm: `${origin}/token`, users: { alice: "CANARY-alice" } },
      members: { "corp/secret": ["alice"] },
    }),
  });
  secret = addImage(registry.server, "corp/secret");
  open = addImage(registry.server, "corp/open");
});
afterAll(() => scene.close());

async function start(name: string, settings: Readonly<Record<string, string>>): Promise<Program> {
  const AUTH_REGISTRIES = `${registry.name}:alice:CANARY-alice`;
  return await scene.start({ DATA_DIR: `${scene.folder}/${name}`, AUTH_REGISTRIES, ...settings });
}

/** Straight to the mirror from an address of the client's own; gives the status. */
function ask(
  port: number,
  client: string,
  path: string,
  { login, method = "GET" }: { readonly login?: string | undefined; readonly method?: string } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      accept: manifestType,
      ...(login === undefined ? {} : { "proxy-authorization": login }),
    };
    const asked = request({
      ...{ port, path, headers, method },
      localAddress: client,
      agent: false,
    });
    asked.once("error", reject).once("response", (response) => {
      response.resume().once("end", () => resolve(response.statusCode ?? 0));
    });
    asked.end();
  });
}

const partsOf = ({ repository, manifest, layer, config }: Image): string[] =>
  ["manifests/1", `manifests/${manifest}`, `blobs/${config}`, `blobs/${layer}`].map(
    (part) => `/v2/${registry.name}/${repository}/${part}`,
  );

async function statuses(port: number, client: string, image: Image, login?: string) {
  const all: number[] = [];
  for (const path of partsOf(image)) all.push(await ask(port, client, path, { login }));
  return all;
}

const given = [200, 200, 200, 200];

describe("PROXY_AUTH with MIRROR_ALLOW_CLIENTS", () => {
  it("gives a private image to the clients that are named, and to no other, kept or not", async () => {
    const { port, lines } = await start("named", { ...proxyAuth, MIRROR_ALLOW_CLIENTS: named });
    const refused = await statuses(port, other, secret);
    expect(refused).toEqual(refused.filter((status) => status === 401 || status === 404));
    expect(await statuses(port, named, secret), "cold").toEqual(given);
    const before = registry.server.requests.length;
    expect(await statuses(port, named, secret), "from disk").toEqual(given);
    expect(registry.server.requests.slice(before).map(({ url }) => url)).toEqual([]);
    expect(await statuses(port, other, secret), "kept").toEqual(refused);
    expect(await statuses(port, other, open), "public").toEqual(given);
    expect(lines.filter((line) => line.includes("CANARY"))).toEqual([]);
  });

  it("does not take the login of the proxy for a reason, at the mirror itself", async () => {
    const { port } = await start("login", { ...proxyAuth, MIRROR_ALLOW_CLIENTS: named });
    const login = basic(["carol", "CANARY-proxy"]);
    expect(await statuses(port, other, secret, login)).not.toContain(200);
  });
});

describe("PROXY_AUTH alone", () => {
  it("lets mirrors write nothing, also where the registry asks nobody for a login", async () => {
    const free = await scene.registry("free.test", { auth: () => ({ kind: "none" }) });
    const image = addImage(free.server, "corp/app");
    const settings = { REGISTRIES: free.name, MIRROR_ALLOW_CLIENTS: named };
    const { port } = await start("writes", { ...proxyAuth, ...settings });
    const path = `/v2/${free.name}/corp/app/manifests/${image.manifest}`;
    for (const method of ["PUT", "DELETE"])
      expect([method, await ask(port, other, path, { method })]).toEqual([method, 403]);
    const asked = free.server.requests.filter(
      ({ method }) => method !== "GET" && method !== "HEAD",
    );
    expect(asked).toEqual([]);
    expect(await ask(port, named, path, { method: "DELETE" })).not.toBe(403);
  });

  it("leaves public images to mirrors, and a private one to nobody there", async () => {
    const { port } = await start("alone", proxyAuth);
    for (const client of [named, other]) {
      expect(await statuses(port, client, secret)).not.toContain(200);
      expect(await statuses(port, client, open)).toEqual(given);
    }
  });
});

describe("MIRROR_ALLOW_CLIENTS alone", () => {
  it("keeps nobody out: whoever may come in may have what the operator's login opens", async () => {
    const { port } = await start("free", { MIRROR_ALLOW_CLIENTS: named });
    expect(await statuses(port, other, secret)).toEqual(given);
  });
});
