/** POLICY: what is denied comes in through no door, kept or not. */
import { beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { direct, viaProxy } from "./support/client.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let scene: Scene;
let registry: NamedRegistry;
let image: Image;
let other: Image;

beforeEach(async () => {
  scene = await Scene.open();
  registry = await scene.registry("registry.test");
  image = addImage(registry.server, "team/app");
  other = addImage(registry.server, "team/other", { tag: "v1" });
});

const start = (policy: object): Promise<Program> =>
  scene.start({ REGISTRIES: registry.name, POLICY: JSON.stringify(policy) });

/** Statuses of a whole pull, as the proxy and as a mirror. */
async function pull(program: Program, { repository, tag, manifest, layer }: Image) {
  const headers = { accept: manifestType };
  const paths = [`manifests/${tag}`, `manifests/${manifest}`, `blobs/${layer}`];
  const statuses: number[] = [];
  for (const path of paths) {
    const url = `${repository}/${path}`;
    const proxied = await viaProxy(program, registry.name, `/v2/${url}`, { headers });
    const mirrored = await direct(program, `/v2/${registry.name}/${url}`, { headers });
    const byNamespace = await direct(program, `/v2/${url}?ns=${registry.name}`, { headers });
    statuses.push(proxied.status, mirrored.status, byNamespace.status);
  }
  return statuses;
}

describe("an image that is denied", () => {
  it("is had by no door, though it was kept before, and the others are", async () => {
    const before = await start({});
    expect(new Set(await pull(before, image))).toEqual(new Set([200]));
    await before.stop();
    const requests = registry.server.requests.length;
    const program = await start({ deny: [`${registry.name}/team/app`] });
    expect(new Set(await pull(program, image))).toEqual(new Set([403]));
    expect(registry.server.requests).toHaveLength(requests);
    expect(new Set(await pull(program, other))).toEqual(new Set([200]));
  });

  it("is refused in words that every client shows", async () => {
    const program = await start({ deny: [`${registry.name}/team/app:1`] });
    const path = `/v2/${registry.name}/team/app/manifests/1`;
    const [get, head] = [
      await direct(program, path),
      await direct(program, path, { method: "HEAD" }),
    ];
    const words = `POLICY on the proxy denies "${registry.name}/team/app:1"`;
    expect([get.status, get.reason]).toEqual([403, expect.stringContaining(words)]);
    expect([head.status, head.reason]).toEqual([403, expect.stringContaining(words)]);
    expect(JSON.parse(get.body.toString()).errors[0]).toMatchObject({
      ...{ code: "DENIED", message: expect.stringContaining(words) },
      detail: { setting: "POLICY", rule: `${registry.name}/team/app:1` },
    });
    await eventually(() =>
      program.lines.some((line) => line.includes("DENIED") && line.includes("POLICY")),
    );
  });
});

it("where something is allowed, nothing else is, and an allowed tag leads to its image", async () => {
  const program = await start({ allow: [`${registry.name}/team/*:v*`] });
  expect(new Set(await pull(program, image))).toEqual(new Set([403]));
  expect(new Set(await pull(program, other))).toEqual(new Set([200]));
  // The first door the tag comes in by opens all of them; a restart closes them until then.
  await program.stop();
  const again = await start({ allow: [`${registry.name}/team/*:v*`] });
  const path = `/v2/team/other/manifests/${other.manifest}`;
  expect((await viaProxy(again, registry.name, path)).status).toBe(403);
  expect(new Set(await pull(again, other))).toEqual(new Set([200]));
  expect((await viaProxy(again, registry.name, "/v2/")).status).toBe(200);
});

describe("an attacker who may write to one repository has of a denied one", () => {
  it.each([
    ["by its name", "mount=D&from=team/app"],
    ["with the slash escaped", "mount=D&from=team%2Fapp"],
    ["with everything escaped", "mount=D&%66rom=%74eam%2f%61pp"],
    ["behind one that is allowed", "mount=D&from=team/other&from=team/app"],
    ["before one that is allowed", "mount=D&from=team/app&from=team/other"],
    ["behind a semicolon", "mount=D;from=team/app"],
    ["with a plus for a blank", "mount=D&from=+team/app"],
  ])("no blob mounted, asked %s", async (_, written) => {
    const program = await start({ deny: [`${registry.name}/team/app`] });
    const before = registry.server.requests.filter(({ method }) => method === "POST").length;
    const query = written.replace("D", image.layer);
    const path = `team/other/blobs/uploads/?${query}`;
    const headers = { authorization: "Basic Y2Fyb2w6Q0FOQVJZLWNhcm9s" };
    const asked = { method: "POST", headers };
    const answers = [
      await viaProxy(program, registry.name, `/v2/${path}`, asked),
      await direct(program, `/v2/${registry.name}/${path}`, asked),
      await direct(program, `/v2/${path}&ns=${registry.name}`, asked),
    ];
    for (const { status } of answers) expect([400, 403]).toContain(status);
    const posts = registry.server.requests.filter(({ method }) => method === "POST");
    expect(posts).toHaveLength(before);
  });

  it("not even its name in the catalog, by any door", async () => {
    const program = await start({ deny: [`${registry.name}/team/app`] });
    const answers = [
      await viaProxy(program, registry.name, "/v2/_catalog"),
      await direct(program, `/v2/_catalog?ns=${registry.name}`),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(JSON.parse(body.toString())).toEqual({ repositories: ["team/other"] });
    }
  });
});
