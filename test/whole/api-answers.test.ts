/** What docs/reference/api.json says of the back office's answers, held against a server's. */
import { readFile } from "node:fs/promises";
import fastify from "fastify";
import { describe, expect, it } from "vitest";
import { stallAt } from "../support/fake-registry/fault.ts";
import { direct, viaProxy } from "./support/client.ts";
import { HostedClient, newImage } from "./support/hosted.ts";
import { addImage, manifestType } from "./support/image.ts";
import { Scene } from "./support/program.ts";

type Described = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};
type Operation = {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
};

const described = JSON.parse(
  await readFile(new URL("../../docs/reference/api.json", import.meta.url), "utf8"),
) as Described;

function schemaOf(path: string, status: string): object {
  const answer = described.paths[`/api/v1/${path}`]?.get?.responses[status];
  const schema = answer?.content?.["application/json"]?.schema;
  if (schema === undefined) throw new TypeError(`${path} ${status} is not described`);
  return schema;
}

/** What is wrong with it by the schema, nothing taken away or bent to fit. */
async function problemsOf(schema: object, value: object): Promise<string> {
  const app = fastify({
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
  });
  app.post("/", { schema: { body: schema } }, async () => ({ message: "" }));
  const { payload } = await app.inject({ url: "/", method: "POST", payload: value });
  await app.close();
  return (JSON.parse(payload) as { message: string }).message;
}

describe("an answer of the API", () => {
  it("is as its description says, while something of everything goes on", async () => {
    const scene = await Scene.open();
    const registry = await scene.registry("registry.test");
    const program = await scene.start({ REGISTRIES: registry.name, HOSTED_HOSTS: "own.lan" });
    const image = addImage(registry.server, "team/app");
    const headers = { accept: manifestType };
    const pull = (path: string) => viaProxy(program, registry.name, `/v2/${path}`, { headers });
    for (const path of [`manifests/${image.tag}`, `blobs/${image.config}`, "manifests/none"]) {
      await pull(`team/app/${path}`);
    }
    await direct(program, "/v2/gone.test/app/manifests/1", { headers });
    const half = stallAt(100_000);
    registry.server.misbehave({ path: /\/blobs\//, times: 1 }, half);
    const blob = pull(`team/app/blobs/${image.layer}`);
    await half.gate.reached;
    const name = `name=${registry.name}/team/app:${image.tag}`;
    const asked = Object.keys(described.paths)
      .filter((path) => described.paths[path]?.get !== undefined && !path.endsWith("/events"))
      .map((path) => path.replace("/api/v1/", ""));
    expect(asked.length).toBeGreaterThan(8);
    for (const path of asked) {
      const query = ["image", "explain", "removals"].includes(path) ? `?${name}` : "";
      const answer = await fetch(`http://127.0.0.1:${program.adminPort}/api/v1/${path}${query}`);
      expect([path, answer.status]).toEqual([path, 200]);
      const told = (await answer.json()) as object;
      expect([path, await problemsOf(schemaOf(path, "200"), told)]).toEqual([path, ""]);
    }
    half.gate.open();
    await blob;
  });

  it("that refuses is a sentence", async () => {
    const program = await (await Scene.open()).start({});
    for (const [path, status] of [
      ["images?limit=9999", 400],
      ["image?name=none:1", 404],
      ["explain?name=UPPER", 400],
    ] as const) {
      const answer = await fetch(`http://127.0.0.1:${program.adminPort}/api/v1/${path}`);
      expect(answer.status).toBe(status);
      const schema = schemaOf(path.split("?")[0] ?? "", "4XX");
      expect(await problemsOf(schema, (await answer.json()) as object)).toBe("");
    }
    const nowhere = await fetch(`http://127.0.0.1:${program.adminPort}/nowhere`);
    expect([nowhere.status, await nowhere.json()]).toEqual([
      404,
      { error: "there is no such page; / is the dashboard" },
    ]);
  });
});

describe("the bytes that were pushed here", () => {
  it("are counted once however many repositories have them, and are none of the cache's", async () => {
    const program = await (await Scene.open()).start({
      ...{ HOSTED_HOSTS: "own.lan", HOSTED_ANONYMOUS_PUSH: "true" },
    });
    const client = new HostedClient(program, "own.lan");
    const image = newImage();
    for (const repository of ["team/a", "team/b"]) await client.push(repository, "1", image);
    const page = await (await fetch(`http://127.0.0.1:${program.adminPort}/metrics`)).text();
    const held = Number(/^entrepot_held_bytes\{by="hosted"\} (\d+)$/m.exec(page)?.[1]);
    expect(held).toBe(image.manifest.length + image.layer.length + "{}".length);
    expect(page).toMatch(/^entrepot_cache_bytes 0$/m);
  });
});
